"""What the command ``chat`` does: a conversation with a decoder, line by line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import closing, nullcontext
from typing import Any

import typer

from clients.chat.client import ChatClient
from clients.chat.conversation import Conversation
from clients.cli.chat.commands import HELP, NAMES, command_of, path_of
from clients.cli.chat.given import NotSaid, read_image
from clients.cli.chat.lines import Lines, lines
from clients.cli.chat.stop import Stop, Stopped
from clients.cli.chat.told import Counted, ended, say
from clients.cli.chat.written import Written, escaped
from clients.cli.listening import StatusLine
from clients.connection.errors import RequestError
from repository.errors import KitError


def talk(
    options: Mapping[str, Any],
    *,
    system: str | None,
    verbose: bool,
    url: str,
    model: str | None,
    timeout: float,
    patience: float,
) -> None:
    """Keeps a conversation, until there are no further lines.

    Args:
        options: of :meth:`.ChatClient.answer`.
        system: what the decoder is told before it.
        verbose: tokens and speed are told after each answer.

    Raises:
        typer.Exit: no decoder was found, or a line from a pipe got no answer; it was said why.
    """
    status = StatusLine()
    is_typed = sys.stdin.isatty()
    try:
        with (
            closing(status),
            Written() as written,
            ChatClient(url, model, timeout, patience, status.show) as client,
        ):
            name = client.decoder().name
            status.clear()
            if is_typed:
                greeting = f"{escaped(name)} at {client.address}; /help tells what else there is"
                typer.echo(greeting, err=True)
            # From a pipe nobody goes on after Ctrl-C: there it ends the command.
            with Stop() if is_typed else nullcontext() as stop:
                conversation = Conversation(system or "")
                talk = _Talk(client, conversation, options, verbose, written, status, stop)
                talk.follow(lines(NAMES))
    except KitError as problem:
        raise ended(problem) from problem
    if talk.failed and not is_typed:
        raise typer.Exit(1)


class _Talk:
    """A conversation at a terminal, or in a pipe.

    Args:
        stop: how Ctrl-C ends what is waited for; None if it ends the command.

    Attributes:
        failed: whether a line got no answer.
    """

    def __init__(
        self,
        client: ChatClient,
        conversation: Conversation,
        options: Mapping[str, Any],
        verbose: bool,
        written: Written,
        status: StatusLine,
        stop: Stop | None,
    ) -> None:
        self._client, self._conversation, self._options = client, conversation, options
        self._verbose, self._written, self._status, self._stop = verbose, written, status, stop
        self._images: list[bytes] = []
        self.failed = False

    def follow(self, given: Lines) -> None:
        """Answers line after line, to the last one."""
        while True:
            try:
                line = self._stop.call(given.read) if self._stop else given.read()
                if line.strip() and not self._follows(line):
                    return
            except Stopped:
                self._note("\n/quit or Ctrl-D ends the conversation")
            except EOFError:
                self._note("")
                return
            except NotSaid as problem:
                self._fail(problem)

    def _follows(self, line: str) -> bool:
        """Does what a line says; whether there may be a further one.

        Raises:
            NotSaid: it is a command that cannot be followed.
        """
        match command_of(line):
            case None:
                self._turn(line.strip())
            case "/image", file:
                self._add_image(file)
            case "/system", text:
                self._conversation.system = text
                self._note("the decoder is told so" if text else "the decoder is told nothing")
            case "/new", _:
                self._conversation.forget()
                self._images.clear()
                self._note("a new conversation")
            case "/help", _:
                typer.echo(HELP, err=True)
            case _:
                return False
        return True

    def _add_image(self, file: str) -> None:
        decoder = self._client.decoder()
        if "image" not in decoder.inputs:
            raise NotSaid(f"'{decoder.name}' takes no images; ask it without")
        path = path_of(file)
        self._images.append(read_image(path))
        self._note(f"{escaped(str(path))} goes with the next message")

    def _turn(self, words: str) -> None:
        """Asks, and writes the answer as it comes. What got no answer is not kept."""
        self._conversation.ask(words, self._images)
        said: list[str] = []
        counted = Counted()
        messages, images = self._conversation.messages, self._conversation.images
        try:
            with closing(self._client.answer(messages, images, **self._options)) as answer:
                for piece in self._stop.each(answer) if self._stop else answer:
                    self._status.clear()
                    self._written.add(piece.text)
                    said.append(piece.text)
                    counted.add(piece)
        except Stopped:
            self._status.clear()
            # Behind the terminal's ^C, whatever stands before it.
            self._written.add("\n")
            self._written.break_off()
            if not "".join(said).strip():
                self._conversation.take_back()
                return
        except RequestError as problem:
            self._status.clear()
            self._written.break_off()
            self._conversation.take_back()
            if problem.code == "INVALID_ARGUMENT":
                # They may be the reason.
                self._images = []
            self._fail(problem)
            return
        else:
            self._written.end()
        self._images = []
        self._conversation.answered("".join(said))
        if self._verbose:
            typer.echo(counted.told(), err=True)

    def _fail(self, problem: KitError) -> None:
        self.failed = True
        say(problem)

    def _note(self, text: str) -> None:
        """Tells somebody at a terminal."""
        if self._stop is not None:
            typer.echo(text, err=True)
