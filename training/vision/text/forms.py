"""In which forms each kind of question is asked, in training and, others, in the evaluation.

``{a}`` is a thing: "circle", "red circle"; ``{many}`` is a plural.
"""

from __future__ import annotations

OPENINGS = ("", "", "", "", "", "please tell me: ", "look at the image. ", "tell me, ")
"""Before a question, in training."""

Forms = tuple[str, ...]

FORMS: dict[str, tuple[Forms, Forms]] = {
    "colour": (
        (
            "what colour is the {a}?",
            "which colour does the {a} have?",
            "what is the colour of the {a}?",
            "the {a} is what colour?",
            "name the colour of the {a}.",
            "say which colour the {a} is.",
            "what colour has the {a}?",
            "colour of the {a}?",
            "is the {a} red or green or another colour?",
            "give the colour of the {a}.",
        ),
        (
            "which colour is the {a}?",
            "tell me the colour of the {a}.",
            "what is the {a}'s colour?",
        ),
    ),
    "shape": (
        (
            "what shape is the {colour} thing?",
            "what shape is {colour}?",
            "which shape is the {colour} one?",
            "which shape does the {colour} object have?",
            "what is the shape of the {colour} object?",
            "name the {colour} shape.",
            "say which shape is {colour}.",
            "the {colour} object is what shape?",
            "give the shape of the {colour} thing.",
            "shape of the {colour} one?",
        ),
        (
            "what shape is the {colour} object?",
            "which shape is {colour}?",
            "tell me the shape of the {colour} thing.",
        ),
    ),
    "count": (
        (
            "how many {many} are there?",
            "how many {many} do you see?",
            "what is the number of {many}?",
            "count the {many}.",
            "how many {many} does the image have?",
            "give the number of {many}.",
            "number of {many}?",
            "say how many {many} there are.",
            "how many {many} can you count?",
        ),
        (
            "how many {many} are in the image?",
            "tell me how many {many} you see.",
            "how many {many}?",
        ),
    ),
    "where": (
        (
            "where is the {a}?",
            "where in the image is the {a}?",
            "in which part of the image is the {a}?",
            "what is the position of the {a}?",
            "give the position of the {a}.",
            "say where the {a} is.",
            "position of the {a}?",
            "in what place is the {a}?",
            "find the {a}.",
        ),
        (
            "where do you see the {a}?",
            "tell me where the {a} is.",
            "what part of the image has the {a}?",
        ),
    ),
    "size": (
        (
            "is the {a} big or small?",
            "what size is the {a}?",
            "is the {a} small or big?",
            "what is the size of the {a}?",
            "say if the {a} is big or small.",
            "which size does the {a} have?",
            "give the size of the {a}.",
            "how big is the {a}?",
        ),
        (
            "which size is the {a}?",
            "tell me the size of the {a}.",
        ),
    ),
    "word": (
        (
            "what word is written?",
            "which word is in the image?",
            "what does the text say?",
            "read the word.",
            "what is the word?",
            "which word do you see?",
            "what is written?",
            "say the word that is written.",
            "give the word in the image.",
        ),
        (
            "which word is written?",
            "tell me the word.",
            "what word do you see?",
        ),
    ),
    "number": (
        (
            "what number is written?",
            "which number is in the image?",
            "which digits are written?",
            "read the number.",
            "what is the number?",
            "which number do you see?",
            "what digits do you see?",
            "say the number that is written.",
            "give the number in the image.",
        ),
        (
            "which number is written?",
            "tell me the number.",
            "what number do you see?",
        ),
    ),
    "is there": (
        (
            "is there {thing}?",
            "is there {thing} in the image?",
            "do you see {thing}?",
            "does the image have {thing}?",
            "can you see {thing}?",
            "say if there is {thing}.",
            "{thing}, is it there?",
            "is {thing} in the image?",
        ),
        (
            "do you see {thing} in the image?",
            "tell me if there is {thing}.",
        ),
    ),
    "describe": (
        (
            "describe the image.",
            "what is in the image?",
            "what does the image have?",
            "say what you see.",
            "what can you see?",
            "give a caption.",
            "what do you see in the image?",
        ),
        (
            "what do you see?",
            "tell me what is in the image.",
        ),
    ),
}
"""For each kind, the forms of the training and those held out."""
