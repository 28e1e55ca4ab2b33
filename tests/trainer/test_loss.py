import pytest

torch = pytest.importorskip("torch")

from trainer.loss import completion_loss  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("rows", [1, 256, 600])
def test_loss_and_gradient_equal_full_cross_entropy(rows, bias):
    torch.manual_seed(0)
    head = torch.nn.Linear(32, 500, bias=bias).requires_grad_(False)
    hidden = torch.randn(rows, 32, requires_grad=True)
    targets = torch.randint(500, (rows,))
    expected = torch.nn.functional.cross_entropy(head(hidden), targets, reduction="sum")
    (expected_gradient,) = torch.autograd.grad(expected, hidden)
    loss = completion_loss(hidden, head, targets)
    (gradient,) = torch.autograd.grad(loss / 7, hidden)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-6)
    assert float((7 * gradient - expected_gradient).norm() / expected_gradient.norm()) <= 1e-6


def test_a_bf16_head_is_read_in_fp32_where_it_matters():
    torch.manual_seed(0)
    head = torch.nn.Linear(32, 500, bias=False).to(torch.bfloat16).requires_grad_(False)
    hidden = torch.randn(40, 32, dtype=torch.bfloat16, requires_grad=True)
    targets = torch.randint(500, (40,))
    loss = completion_loss(hidden, head, targets)
    loss.backward()
    exact = torch.nn.functional.cross_entropy(hidden.float() @ head.weight.float().T, targets, reduction="sum")
    assert loss.dtype is torch.float32
    assert hidden.grad.dtype is torch.bfloat16
    assert float(loss.detach()) == pytest.approx(float(exact.detach()), rel=1e-2)


def test_a_trained_head_is_refused():
    with pytest.raises(ValueError, match="frozen"):
        completion_loss(torch.randn(3, 8), torch.nn.Linear(8, 20), torch.tensor([1, 2, 3]))
