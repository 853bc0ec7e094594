"""The base class of all of the project's errors, and the tree of them.

A user may meet any of them as a sentence. Those at the end stand apart: they are raised where this
module is missing. A class whose name begins with an underscore is one module's own signal, which it
catches itself. ``python -m tests.structure`` draws the tree from the code::

    KitError                        repository.errors
        BuildersError               builders.errors
            BuildError              builders.kit.build.errors
            BundleError             builders.bundle.errors
                NoBundle            builders.bundle.parts
                RenderError         builders.bundle.render
                ValuesError         builders.bundle.values
            FamilyError             builders.errors
                NotDeclared         builders.errors
            GivenError              builders.onnx.own.given
            GraphError              builders.kit.graph.error
            LoadError               builders.kit.resources.request
            NewError                builders.new.write
            ParityError             builders.kit.build.parity
            ProfileError            builders.kit.recipe.profile
            SourceError             builders.kit.sources.error
            TargetError             builders.kit.emit.target
            TaskError               builders.kit.tasks.runner
            WrapError               builders.wrap.errors
        ClientError                 clients.errors
            AddressError            clients.connection.address
            InputsError             clients.infer.errors
            Misfit                  clients.infer.fit
            NotInJson               clients.deployed.pieces
            NotSaid                 clients.cli.chat.given
            NotWritten              clients.infer.written
            PdfError                clients.ocr.pdf
            RequestError            clients.connection.errors
                CutOff              clients.connection.errors
                UnknownModel        clients.connection.errors
                WrongPort           clients.connection.connection
            SoundError              clients.asr.sound
            Stopped                 clients.cli.chat.stop
            Unreachable             clients.deployed.server
            Wrong                   clients.deployed.server
        GatewayError                gateway.errors
            ApiError                gateway.errors
        PerfError                   perf.errors
            ChainFailed             perf.compare.services.chain
            Interrupted             perf.compare.record
            LegFailed               perf.errors
                AnalyzerMissing     perf.errors
                EmptyExport         perf.measure.analyzer.export
                Stalled             perf.measure.analyzer.process
            ScenarioError           perf.errors
        RepositoryError             repository.errors
            ConfigError             repository.config.text
            FamilyMisplaced         repository.families
            ManifestError           repository.manifest
            NoText                  repository.config.bytes
            OnnxError               repository.onnx.content
            OnnxUnreadable          repository.onnx.header
            ReleaseError            repository.release
            RequestUnfit            repository.usage.requests
            SbomError               repository.bom.image
            SigningError            repository.sign.keys
            TransferError           repository.transfer.errors
                Refused             repository.transfer.claim.kubectl
            Unreadable              repository.files.bounded_file
            UsageError              repository.usage.found
        RuntimeFailure              runtime.errors
            CallFailed              runtime.server.control
            EnvironmentUnfit        runtime.errors
            NotInProcess            runtime.inprocess
            OutputMistaken          runtime.inprocess
            RequestMistaken         runtime.inprocess, also ValueError
            ServerFailed            runtime.errors
                ServerDied          runtime.errors
        TrainingError               training.errors
            SynthesisError          training.asr.sound.speech

    Copied into repositories, where Triton's Python stub runs it
        ClosedEarly                 builders.decoder.stages.reaching.faults
        ConnectionLost              builders.decoder.stages.reaching.faults
        RemoteFault                 builders.decoder.stages.reaching.faults
        Cancelled                   builders.decoder.stages.reaching.turns
        Refusal                     builders.decoder.stages.templating.functions
        TooMuchWork                 builders.decoder.stages.templating.metering
        BrokenTemplate              builders.decoder.stages.templating.template, also ValueError
        InvalidArgument             builders.kit.invalid_argument, also ValueError
        Unavailable                 builders.kit.unavailable, also RuntimeError
        Unreadable                  clients.sound_file.sound_reader, also ValueError
        StepFailedError             repository.copied.bls_model
        CallFailedError             repository.copied.calling, also RuntimeError
        SequencesFullError          repository.copied.sequence_state, also RuntimeError
        UnknownSequenceError        repository.copied.sequence_state, also ValueError
        ClosedError                 repository.copied.stream_engine, also RuntimeError

    Triton's Python stub runs it as a backend
        RequestError                runtime.backends.onnxruntime.failures
        ProviderMissing             runtime.backends.onnxruntime.providers
        ModelRefused                runtime.backends.onnxruntime.session

    Copied into the server's image alone
        Dead                        runtime.live
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from repository.findings import Finding


class KitError(Exception):
    """What stops the work, told to a user: what, where, expected, found, how to mend it.

    Args:
        told: one sentence or more; or findings, each of which is one.
        arguments: as the attribute, of an error without findings.

    Attributes:
        findings: every mistake by itself; empty if there is only the text.
        arguments: the arguments of the called function that mend it, by their names. The text
            names no option of a command: a command line puts its own behind it.
    """

    def __init__(self, told: str | Sequence[Finding], *, arguments: Sequence[str] = ()) -> None:
        super().__init__(told if isinstance(told, str) else "\n".join(map(str, told)))
        self.findings: list[Finding] = [] if isinstance(told, str) else list(told)
        named = (name for each in self.findings for name in each.arguments)
        self.arguments = (*arguments, *dict.fromkeys(named))


class RepositoryError(KitError):
    """A finished repository, or a file of one, that is not what it should be, or not there."""
