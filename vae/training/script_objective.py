"""Likelihood, schedule and loss of a training script, as text."""

from __future__ import annotations

from textwrap import indent

from vae.config.schema import DataInfo, RunConfig
from vae.models.likelihoods import SMALLEST_LEARNED_SIGMA
from vae.objectives.schedules import LAST_STAGE, STEEPNESS

LIKELIHOOD_TEXTS = {
    "bernoulli": '''
def log_likelihood(output, x):
    """log p(x|z), Bernoulli: the negative cross-entropy, summed over pixels, (B,)."""
    return -F.binary_cross_entropy_with_logits(output, x, reduction="none").flatten(1).sum(1)
''',
    "continuous-bernoulli": '''
def log_likelihood(output, x):
    """log p(x|z), continuous Bernoulli: the Bernoulli's, normalised on [0, 1], summed over pixels, (B,)."""
    near = output.abs() < 0.05  # there the closed form loses digits, and its series has them all
    far, square = torch.where(near, 1.0, output).abs(), output.square()
    series = torch.tensor(2.0).log() + square * (1 / 12 + square * (-7 / 1440 + square * (31 / 90720)))
    log_normaliser = torch.where(near, series, far.log() - torch.tanh(far / 2).log())
    cross_entropy = F.binary_cross_entropy_with_logits(output, x, reduction="none")
    return (log_normaliser - cross_entropy).flatten(1).sum(1)
''',
    "gaussian": '''
SIGMA = torch.tensor({sigma!r}, device=DEVICE)

def log_likelihood(output, x):
    """log p(x|z), Gaussian of standard deviation σ around the output, all constants included, (B,)."""
    squares = ((x - output) / SIGMA).square().flatten(1).sum(1)
    return -0.5 * squares - x[0].numel() * (SIGMA.log() + 0.5 * torch.tensor(2 * torch.pi).log())
''',
    "gaussian-learned": '''
raw_sigma = nn.Parameter(torch.tensor({above!r}, dtype=torch.float64).expm1().log().float().to(DEVICE))

def log_likelihood(output, x):
    """log p(x|z), Gaussian around the output with one learned σ, all constants included, (B,)."""
    sigma = {smallest!r} + F.softplus(raw_sigma)
    squares = ((x - output) / sigma).square().flatten(1).sum(1)
    return -0.5 * squares - x[0].numel() * (sigma.log() + 0.5 * torch.tensor(2 * torch.pi).log())
''',
}


def likelihood_text(config: RunConfig) -> str:
    """log p(x|z) as a function."""
    sigma = config.model.sigma
    text = LIKELIHOOD_TEXTS[config.model.likelihood]
    above = max(sigma - SMALLEST_LEARNED_SIGMA, 1e-4)
    return (
        text.replace("{sigma!r}", repr(sigma))
        .replace("{above!r}", repr(above))
        .replace("{smallest!r}", repr(SMALLEST_LEARNED_SIGMA))
    )


def schedule_text(config: RunConfig) -> str:
    """β and the learning rate as functions of the epochs done."""
    objective, train = config.objective, config.train
    match objective.schedule:
        case "constant":
            beta = f"return {objective.beta!r}"
        case "linear":
            beta = f"return {objective.beta!r} * min(1.0, epoch / {objective.warmup_epochs!r})  # a linear warm-up"
        case "sigmoid":
            beta = f"""
# A logistic warm-up, stretched to be 0 at its start and β at its end.
done = min(1.0, epoch / {objective.warmup_epochs!r})
tanh = lambda s: float(torch.tensor(s, dtype=torch.float64).tanh())
return {objective.beta!r} * (0.5 + 0.5 * tanh({STEEPNESS!r} * (done - 0.5) / 2) / tanh({STEEPNESS!r} / 4))"""
        case "cyclical":
            cycle = objective.cycle_epochs
            beta = f"""
# In cycles, of which the first half rises.
return {objective.beta!r} * min(1.0, 2 * (epoch % {cycle!r}) / {cycle!r})"""
    match train.learning_rate_schedule:
        case "constant":
            rate = f"return {train.learning_rate!r}"
        case "stages":
            rate = f"""
# Stage i has 3^i epochs with 10^(−i/{LAST_STAGE}) of the first learning rate.
stage, passed = 0, 1
while epoch >= passed and stage < {LAST_STAGE}:
    stage, passed = stage + 1, passed + 3 ** (stage + 1)
return {train.learning_rate!r} * 10 ** (-stage / {LAST_STAGE})"""
        case "cosine":
            rate = f"""
angle = torch.tensor(torch.pi * min(1.0, epoch / EPOCHS), dtype=torch.float64)
return {train.learning_rate!r} * 0.5 * (1 + float(angle.cos()))"""
    text = '''
def beta_at(epoch):
    """β, the weight of the rate, after so many epochs (with the fraction of the current one)."""
''' + indent(beta.strip("\n"), "    ")
    if train.learning_rate_schedule != "constant":
        text += '''

def learning_rate_at(epoch):
    """Of the epoch that begins after so many."""
''' + indent(rate.strip("\n"), "    ")
    return text


def loss_text(config: RunConfig, info: DataInfo) -> str:
    """The loss of a batch as a function."""
    model, objective = config.model, config.objective
    y = ", y" if model.conditional else ""
    x = ", x" if model.decoder == "autoregressive" else ""
    cost = ""
    if objective.capacity:
        target = f"{objective.capacity!r} * min(1.0, epoch / {objective.capacity_epochs!r})"
        cost = f"(rate - {target}).abs()  # pulled to a capacity in nats"
    elif objective.free_bits and objective.free_bits_per == "dimension":
        cost = f"rate_per_dim.clamp(min={objective.free_bits!r}).sum()  # free bits of each dimension"
    elif objective.free_bits:
        cost = f"rate.clamp(min={objective.free_bits!r})  # free bits in total"
    weighed = f"\n    cost = {cost}" if cost else ""
    weighed += f"\n    return distortion + beta_at(epoch) * {'cost' if cost else 'rate'}, distortion, rate"
    one_hot = f"\n    y = F.one_hot(y, {info.num_classes}).float()" if model.conditional else ""
    if config.train.precision == "bf16":
        networks = f"""
    with torch.autocast(DEVICE, torch.bfloat16):  # products alone; weights and sums stay float32
        mean, log_var = (part.float() for part in encoder(x{y}))
    noise = torch.randn(mean.shape, generator=draw, device=mean.device)
    z = mean + torch.exp(0.5 * log_var) * noise  # z = μ + σ ⊙ ε
    with torch.autocast(DEVICE, torch.bfloat16):
        output = decoder(z{y}{x})
    distortion = -log_likelihood(output.float(), x).mean()"""
    else:
        networks = f"""
    mean, log_var = encoder(x{y})
    noise = torch.randn(mean.shape, generator=draw, device=mean.device)
    z = mean + torch.exp(0.5 * log_var) * noise  # z = μ + σ ⊙ ε
    distortion = -log_likelihood(decoder(z{y}{x}), x).mean()"""
    first = one_hot + networks
    given = "x, y, epoch, draw" if model.conditional else "x, epoch, draw"
    return f'''
def loss_of({given}):
    """Loss of a batch, distortion −log p(x|z) and rate KL(q(z|x) ‖ N(0, I)): means, in nats per image."""{first}
    # KL = ½ Σ (σ² + μ² − 1 − log σ²); expm1 keeps the digits of σ² − 1.
    rate_per_dim = 0.5 * (torch.expm1(log_var) + mean.square() - log_var).mean(0)
    rate = rate_per_dim.sum(){weighed}
'''
