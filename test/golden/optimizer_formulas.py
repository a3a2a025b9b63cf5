"""Optimizers that PyTorch 1.13 lacks, in its own arithmetic: Lion, NAdam as documented, and the forms of Keras 3 under
PyTorch's names of the state.

Keras takes weight decay off the parameter before the step, whatever the optimizer.
"""

import torch


class Formula(torch.optim.Optimizer):
    decoupled = True

    def __init__(self, params, **options):
        super().__init__(params, {"weight_decay": 0.0, **options})

    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                if not state:
                    state["step"] = 0
                    for name, start in self.tensors(group).items():
                        state[name] = torch.full_like(parameter, start)
                state["step"] += 1
                with torch.no_grad():
                    gradient = parameter.grad
                    if self.decoupled:
                        parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    else:
                        gradient = gradient + group["weight_decay"] * parameter
                    parameter.sub_(self.change(gradient, state, state["step"], **group))


class Lion(Formula):
    """Chen et al. 2023, algorithm 2; the decay is decoupled."""

    def tensors(self, group):
        return {"exp_avg": 0.0}

    def change(self, g, state, step, lr, betas, **_):
        change = lr * torch.sign(betas[0] * state["exp_avg"] + (1 - betas[0]) * g)
        state["exp_avg"] = betas[1] * state["exp_avg"] + (1 - betas[1]) * g
        return change


class KerasSGD(Formula):
    """The learning rate goes into the momentum; Keras keeps it with the other sign."""

    def tensors(self, group):
        return {"momentum_buffer": 0.0}

    def change(self, g, state, step, lr, momentum, nesterov=False, **_):
        state["momentum_buffer"] = momentum * state["momentum_buffer"] + lr * g
        return momentum * state["momentum_buffer"] + lr * g if nesterov else state["momentum_buffer"]


class KerasRMSprop(Formula):
    def tensors(self, group):
        names = ["square_avg"]
        if group.get("momentum"):
            names.append("momentum_buffer")
        if group.get("centered"):
            names.append("grad_avg")
        return {name: 0.0 for name in names}

    def change(self, g, state, step, lr, alpha, eps, momentum=0.0, centered=False, **_):
        state["square_avg"] = alpha * state["square_avg"] + (1 - alpha) * g * g
        variance = state["square_avg"]
        if centered:
            state["grad_avg"] = alpha * state["grad_avg"] + (1 - alpha) * g
            variance = variance - state["grad_avg"] ** 2
        change = lr * g / torch.sqrt(variance + eps)
        if momentum:
            change = state["momentum_buffer"] = momentum * state["momentum_buffer"] + change
        return change


class KerasAdam(Formula):
    """Epsilon hat: beside the root of the second moment before its bias is corrected."""

    def tensors(self, group):
        names = ["exp_avg", "exp_avg_sq"] + (["max_exp_avg_sq"] if group.get("amsgrad") else [])
        return {name: 0.0 for name in names}

    def change(self, g, state, step, lr, betas, eps, amsgrad=False, **_):
        state["exp_avg"] = betas[0] * state["exp_avg"] + (1 - betas[0]) * g
        state["exp_avg_sq"] = betas[1] * state["exp_avg_sq"] + (1 - betas[1]) * g * g
        square = state["exp_avg_sq"]
        if amsgrad:
            square = state["max_exp_avg_sq"] = torch.maximum(state["max_exp_avg_sq"], square)
        alpha = lr * (1 - betas[1] ** step) ** 0.5 / (1 - betas[0] ** step)
        return alpha * state["exp_avg"] / (torch.sqrt(square) + eps)


class KerasAdagrad(Formula):
    def tensors(self, group):
        return {"sum": group.get("initial_accumulator_value", 0.0)}

    def change(self, g, state, step, lr, eps, **_):
        state["sum"] = state["sum"] + g * g
        return lr * g / torch.sqrt(state["sum"] + eps)


class KerasAdadelta(Formula):
    def tensors(self, group):
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def change(self, g, state, step, lr, rho, eps, **_):
        state["square_avg"] = rho * state["square_avg"] + (1 - rho) * g * g
        change = torch.sqrt(state["acc_delta"] + eps) / torch.sqrt(state["square_avg"] + eps) * g
        state["acc_delta"] = rho * state["acc_delta"] + (1 - rho) * change * change
        return lr * change


class KerasAdamax(Formula):
    """Epsilon beside the largest gradient, not inside of the maximum."""

    def tensors(self, group):
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def change(self, g, state, step, lr, betas, eps, **_):
        state["exp_avg"] = betas[0] * state["exp_avg"] + (1 - betas[0]) * g
        state["exp_inf"] = torch.maximum(betas[1] * state["exp_inf"], g.abs())
        return lr * state["exp_avg"] / ((1 - betas[0] ** step) * (state["exp_inf"] + eps))


class KerasNadam(Formula):
    """The momentum rises as fast as with PyTorch's momentum_decay 1."""

    def tensors(self, group):
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def change(self, g, state, step, lr, betas=(0.9, 0.999), eps=1e-8, momentum_decay=1.0, **_):
        def u(t):
            return betas[0] * (1 - 0.5 * 0.96 ** (t * momentum_decay))

        product = 1.0
        for t in range(1, step + 1):
            product *= u(t)
        state["exp_avg"] = betas[0] * state["exp_avg"] + (1 - betas[0]) * g
        state["exp_avg_sq"] = betas[1] * state["exp_avg_sq"] + (1 - betas[1]) * g * g
        mean = u(step + 1) * state["exp_avg"] / (1 - product * u(step + 1)) + (1 - u(step)) * g / (1 - product)
        return lr * mean / (torch.sqrt(state["exp_avg_sq"] / (1 - betas[1] ** step)) + eps)


class NAdam(KerasNadam):
    """torch.optim.NAdam as documented: the code of 1.13 multiplies the momentum of the step into the product twice."""

    decoupled = False
