"""The verbs for other passes than the plain one, and the one that lets lifetimes be seen."""

from __future__ import annotations

from autograd_conformance.checks.expecting import cotangent, expect_gradient, filled, leaf, tripled
from autograd_conformance.checks.outcome import Report, broken
from autograd_conformance.engine import CREATE_GRAPH, LIFETIME, NAMED_INPUTS, RETAIN_GRAPH, TAPE, Engine, Tensor


def check_passes(report: Report) -> None:
    """Those of them that the adapter has."""
    engine = report.engine
    if not engine.has(TAPE) or not {"multiply", "add"} & set(engine.operators):
        return
    checks = {
        RETAIN_GRAPH: _check_retaining,
        NAMED_INPUTS: _check_named_inputs,
        CREATE_GRAPH: _check_creating_graph,
        LIFETIME: _check_weak_reference,
    }
    for need, check in checks.items():
        if engine.has(need):
            check(report)


def _cotangents(engine: Engine) -> list[Tensor] | None:
    return [engine.tensor(filled(engine, 5))] if engine.accepts_cotangent else None


def _check_retaining(report: Report) -> None:
    engine = report.engine
    with report.on("backward_retaining"):
        x = leaf(engine)
        root = tripled(engine, x)
        engine.backward_retaining([root], _cotangents(engine))
        expect_gradient(engine, engine.grad(x), 3 * cotangent(engine))
        engine.backward([root], _cotangents(engine))


def _check_named_inputs(report: Report) -> None:
    engine = report.engine
    with report.on("backward_into"):
        x = leaf(engine)
        engine.backward_into([tripled(engine, x)], _cotangents(engine), [x])
        expect_gradient(engine, engine.grad(x), 3 * cotangent(engine))


def _check_creating_graph(report: Report) -> None:
    engine = report.engine
    with report.on("backward_creating_graph"):
        x = leaf(engine)
        engine.backward_creating_graph([tripled(engine, x)], _cotangents(engine))
        expect_gradient(engine, engine.grad(x), 3 * cotangent(engine))


def _check_weak_reference(report: Report) -> None:
    engine = report.engine
    with report.on("weak_reference"):
        x = leaf(engine)
        reference = engine.weak_reference(x)
        if reference() is None:
            raise broken("gives None for a tensor that is there; expected the tensor itself")
        del x
        engine.collect()
        if reference() is not None:
            raise broken(
                "keeps a leaf alive that nobody uses; does the adapter, or the engine, keep a list of tensors?"
            )
