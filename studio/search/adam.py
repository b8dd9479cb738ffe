"""Adam: exact gradients of seeded batches, a falling rate, an early end."""

from collections.abc import Iterator

import torch

from studio.search.state import Search, SearchStep

RATE = 0.03  # of the first step; coefficients are about 0.1 to 1
EVERY = 5  # steps between two looks at the rows that decide
PATIENCE = 12  # such looks without a better one


def adam(search: Search) -> Iterator[SearchStep]:
    """Follow the gradient of a new batch at every step.

    The rate falls to 0 along half a cosine over the budget.

    Source: Kingma and Ba 2015 (arXiv 1412.6980); MDM-OC, section IV-C.
    """
    budget = search.plan.budget
    moved = torch.zeros(len(search.directions), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([moved], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, budget)
    for number in range(1, budget + 1):
        point = search.at(moved.detach())
        found = search.oracle.slope(point, number, search.balance.slopes())
        search.balance.see(found.losses)
        moved.grad = search.directions.slope(found.slope)
        optimizer.step()
        schedule.step()
        checked = None
        if number % EVERY == 0 or number == budget:
            checked = search.check(search.at(moved.detach()))
        yield search.step(number, point, found.losses, search.joint(found), checked)
        if search.idle >= PATIENCE:
            return
