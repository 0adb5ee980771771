"""What torch's samples of nn.functional do not show: randomness, running statistics, writes in place, errors."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import autograd_reference

LIBS = {"reference": autograd_reference, "torch": torch}


@pytest.fixture(params=LIBS)
def lib(request: pytest.FixtureRequest) -> Any:
    return LIBS[request.param]


def on_both(compute: Callable[[Any], Any]) -> None:
    """The same numbers, from the same seed."""
    results = []
    for lib in LIBS.values():
        lib.manual_seed(3)
        results.append([each.detach().tolist() for each in compute(lib)])
    torch.testing.assert_close(results[0], results[1], rtol=1e-12, atol=1e-12)


RANDOM: dict[str, Callable[[Any, Any], Any]] = {
    "dropout": lambda f, x: f.dropout(x, 0.3),
    "dropout1d": lambda f, x: f.dropout1d(x, 0.3),
    "dropout2d": lambda f, x: f.dropout2d(x.unsqueeze(0), 0.3),
    "dropout3d": lambda f, x: f.dropout3d(x.unsqueeze(0), 0.3),
    "alpha_dropout": lambda f, x: f.alpha_dropout(x, 0.3, True),
    "feature_alpha_dropout": lambda f, x: f.feature_alpha_dropout(x, 0.3, True),
    "rrelu": lambda f, x: f.rrelu(x, training=True),
    "gumbel_softmax": lambda f, x: f.gumbel_softmax(x),
    "gumbel_softmax, hard": lambda f, x: f.gumbel_softmax(x, hard=True),
    "nothing dropped": lambda f, x: f.dropout(x, 0.3, training=False),
    "all dropped": lambda f, x: f.dropout(x, 1.0),
}


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_gives_torchs_numbers(name: str) -> None:
    def compute(lib: Any) -> Any:
        x = lib.randn(4, 3, 5, dtype=lib.float64, requires_grad=True)
        y = RANDOM[name](lib.nn.functional, x)
        y.backward(lib.randn(*y.shape, dtype=lib.float64))
        return y, x.grad

    on_both(compute)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
def test_running_statistics(name: str, training: bool) -> None:
    def compute(lib: Any) -> Any:
        x = lib.randn(4, 3, 5, dtype=lib.float64, requires_grad=True)
        mean, var = lib.zeros(3, dtype=lib.float64), lib.ones(3, dtype=lib.float64)
        function = getattr(lib.nn.functional, name)
        training_or_use = "training" if name == "batch_norm" else "use_input_stats"
        y = function(x, mean, var, **{training_or_use: training}, momentum=0.2)
        y.square().sum().backward()
        return y, mean, var, x.grad

    on_both(compute)


REDUCED: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "weights": lambda f, x, y, w: f.mse_loss(x, y, weight=w),
    "weights, absolute": lambda f, x, y, w: f.l1_loss(x, y, weight=w),
    "weights, summed": lambda f, x, y, w: f.mse_loss(x, y, weight=w, reduction="sum"),
    "weights, huber": lambda f, x, y, w: f.huber_loss(x, y, "mean", 0.5, w),
    "none, of old": lambda f, x, y, w: f.kl_div(x, y, None, False),
    "sum, of old": lambda f, x, y, w: f.soft_margin_loss(x, y, False),
    "mean, of old": lambda f, x, y, w: f.smooth_l1_loss(x, y, True, True, "sum"),
    "probabilities": lambda f, x, y, w: f.cross_entropy(x, y, w[0], label_smoothing=0.2),
    "classes": lambda f, x, y, w: f.cross_entropy(x, (y[:, 0] * 3).long(), w[0], ignore_index=1, label_smoothing=0.2),
}


@pytest.mark.filterwarnings("ignore:.*(reduce|reduction)")
@pytest.mark.parametrize("name", REDUCED)
def test_losses_are_weighted_and_reduced(name: str) -> None:
    def compute(lib: Any) -> Any:
        x = lib.randn(4, 3, dtype=lib.float64, requires_grad=True)
        y, w = lib.rand(4, 3, dtype=lib.float64), lib.rand(4, 3, dtype=lib.float64) + 0.5
        loss = REDUCED[name](lib.nn.functional, x, y, w)
        loss.sum().backward()
        return loss, x.grad

    on_both(compute)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4)])
@pytest.mark.parametrize("slopes", [1, 3])
def test_slopes_for_all_or_by_channel(shape: tuple[int, ...], slopes: int) -> None:
    def compute(lib: Any) -> Any:
        x = lib.randn(shape, dtype=lib.float64, requires_grad=True)
        weight = lib.rand(slopes if x.ndim > 1 else 1, dtype=lib.float64, requires_grad=True)
        y = lib.nn.functional.prelu(x, weight)
        return y, *lib.autograd.grad(y.sum(), (x, weight))

    on_both(compute)


@pytest.mark.parametrize("padding", [None, 2, -1])
def test_embedding(padding: int | None) -> None:
    def compute(lib: Any) -> Any:
        weight = lib.randn(4, 3, dtype=lib.float64, requires_grad=True)
        y = lib.nn.functional.embedding(lib.tensor([[0, 2], [2, 3]]), weight, padding)
        (g,) = lib.autograd.grad(y.square().sum(), weight, create_graph=True)
        (h,) = lib.autograd.grad(g.sum(), weight)
        return y, g, h

    on_both(compute)


@pytest.mark.parametrize("how", ["plain", "causal", "mask", "bias", "scale"])
def test_attention(how: str) -> None:
    def compute(lib: Any) -> Any:
        q, k, v = (lib.randn(2, 3, 4, dtype=lib.float64, requires_grad=True) for _ in range(3))
        mask = lib.randn(2, 3, 3, dtype=lib.float64)
        options = {"causal": {"is_causal": True}, "scale": {"scale": 0.3}, "bias": {"attn_mask": mask}}
        options["mask"] = {"attn_mask": mask > -1}
        y = lib.nn.functional.scaled_dot_product_attention(q, k, v, **options.get(how, {}))
        return y, *lib.autograd.grad(y.square().sum(), (q, k, v))

    on_both(compute)


IN_PLACE = [
    "relu",
    "elu",
    "selu",
    "celu",
    "silu",
    "leaky_relu",
    "hardtanh",
    "hardswish",
    "hardsigmoid",
    "relu6",
    "mish",
    "rrelu",
    "dropout",
]


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(lib: Any, name: str) -> None:
    x = lib.tensor([-2.0, -0.5, 0.5, 2.0], requires_grad=True)
    y = x * 1
    lib.manual_seed(3)
    z = getattr(lib.nn.functional, name)(y, inplace=True)
    assert z is y and y._version >= 1
    y.sum().backward()
    plain = lib.tensor([-2.0, -0.5, 0.5, 2.0], requires_grad=True)
    lib.manual_seed(3)
    getattr(lib.nn.functional, name)(plain).sum().backward()
    torch.testing.assert_close(x.grad.tolist(), plain.grad.tolist())


@pytest.mark.parametrize("name", ["dropout", "alpha_dropout"])
def test_nothing_is_written_where_nothing_is_dropped(lib: Any, name: str) -> None:
    x = lib.ones(3, requires_grad=True)
    y = x.exp()
    assert getattr(lib.nn.functional, name)(y, 0.5, training=False, inplace=True)._version == 0
    y.sum().backward()


REFUSED: dict[str, Callable[[Any, Any], Any]] = {
    "reduction": lambda f, x: f.mse_loss(x, x, reduction="median"),
    "probability": lambda f, x: f.dropout(x, 1.5),
    "classes": lambda f, x: f.binary_cross_entropy(x + 2, x),
    "shapes": lambda f, x: f.binary_cross_entropy_with_logits(x, x[0]),
    "groups": lambda f, x: f.group_norm(x, 2),
    "normalized shape": lambda f, x: f.layer_norm(x, (7,)),
    "one value": lambda f, x: f.batch_norm(x[:1], None, None, training=True),
    "odd": lambda f, x: f.glu(x, 0),
    "padding too long": lambda f, x: f.pad(x.unsqueeze(0), (9, 0), mode="reflect"),
    "padding mode": lambda f, x: f.pad(x, (1, 1), mode="sideways"),
    "rank": lambda f, x: f.conv2d(x, x[:, None]),
    "rank of the weight": lambda f, x: f.conv2d(x[None], x[:, None]),
    "variance": lambda f, x: f.gaussian_nll_loss(x, x, x - 9),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(lib: Any, name: str) -> None:
    with pytest.raises((ValueError, RuntimeError, NotImplementedError)):
        REFUSED[name](lib.nn.functional, lib.rand(3, 3))


def test_what_is_not_there_says_so() -> None:
    with pytest.raises(AttributeError, match=r"near names: .*softmax"):
        _ = autograd_reference.nn.functional.sofmax
    with pytest.raises(NotImplementedError, match="sparse"):
        autograd_reference.nn.functional.embedding(
            autograd_reference.tensor([0]), autograd_reference.ones(2, 2), sparse=True
        )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("align", [True, False])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_positions_in_a_grid(mode: str, padding: str, align: bool) -> None:
    def compute(lib: Any) -> Any:
        functional = lib.nn.functional
        x = lib.randn(2, 2, 4, 3, dtype=lib.float64, requires_grad=True)
        theta = (lib.randn(2, 2, 3, dtype=lib.float64) * 2).requires_grad_()
        y = functional.grid_sample(x, functional.affine_grid(theta, (2, 2, 3, 5), align), mode, padding, align)
        (y * y).sum().backward()
        edges = functional.affine_grid(lib.eye(2, 3, dtype=lib.float64)[None], (1, 2, 4, 3), True).requires_grad_()
        z = functional.grid_sample(x[:1].detach(), edges, mode, padding, True)
        z.sum().backward()
        return y, x.grad, theta.grad, z, edges.grad

    on_both(compute)


def test_positions_in_a_grid_need_a_mode(lib: Any) -> None:
    for modes in (("linear", "zeros"), ("bilinear", "mirror")):
        with pytest.raises(ValueError):
            lib.nn.functional.grid_sample(lib.ones(1, 1, 2, 2), lib.ones(1, 1, 1, 2), *modes)


def test_positions_in_a_grid_can_be_differentiated_twice() -> None:
    lib: Any = autograd_reference
    x, grid = lib.randn(1, 2, 4, 3, dtype=lib.float64), lib.rand(1, 2, 2, 2, dtype=lib.float64) * 1.5 - 1
    for mode in ("bilinear", "bicubic"):
        inputs = (x.detach().requires_grad_(), grid.detach().requires_grad_())
        assert lib.autograd.gradgradcheck(lambda x, g, m=mode: lib.nn.functional.grid_sample(x, g, m), inputs)


@pytest.mark.parametrize("p", [1, 2, 3.5, float("inf"), -float("inf")])
def test_norms_of_windows(p: float) -> None:
    def compute(lib: Any) -> Any:
        x = lib.randn(2, 1, 5, 4, dtype=lib.float64).abs()
        x[0] = 0  # where there is no gradient
        x.requires_grad_()
        y = lib.nn.functional.lp_pool2d(x, p, 2, 1, ceil_mode=True)
        (y * y).sum().backward()
        return y, x.grad

    on_both(compute)


def test_margin_losses_at_their_kinks() -> None:
    def compute(lib: Any) -> Any:
        x = lib.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.0]], requires_grad=True)
        lib.nn.functional.multi_margin_loss(x, lib.tensor([0, 1, 0])).backward()
        y = lib.nn.functional.multilabel_margin_loss(x, lib.tensor([[0, -1], [1, -1], [1, 0]]), reduction="none")
        y.sum().backward()
        return y, x.grad

    on_both(compute)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_a_loss_warns_of_a_target_of_another_size(lib: Any, name: str) -> None:
    with pytest.warns(UserWarning, match=r"Using a target size \(torch.Size\(\[3, 1\]\)\)") as caught:
        getattr(lib.nn.functional, name)(lib.ones(3), lib.ones(3, 1))
    assert caught[0].filename == __file__ or lib is torch


def test_targets_that_are_all_ignored_have_no_gradient() -> None:
    def compute(lib: Any) -> Any:
        x = lib.randn(2, 3, requires_grad=True)
        y = lib.nn.functional.cross_entropy(x, lib.tensor([-100, -100]))
        y.backward()
        return y.isnan(), x.grad

    on_both(compute)


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "group_norm"])
def test_a_norm_has_the_dtype_of_its_input(lib: Any, name: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {
        "batch_norm": (None, None, lib.ones(4), lib.zeros(4), True),
        "layer_norm": ((3,), lib.ones(3), lib.zeros(3)),
        "group_norm": (2, lib.ones(4), lib.zeros(4)),
    }
    x = lib.randn(5, 4, 3, dtype=lib.bfloat16, requires_grad=True)
    y = getattr(lib.nn.functional, name)(x, *arguments[name])
    y.sum().backward()
    assert y.dtype == x.grad.dtype == lib.bfloat16
