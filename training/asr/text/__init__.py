"""What is said: words, sentences, and the tokenizer that spells them."""
