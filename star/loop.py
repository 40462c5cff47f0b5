"""STaR's outer loop: Algorithm 1 of Zelikman et al. 2022 (https://arxiv.org/abs/2203.14465).

Each line that does work is a stage. A stage writes one artefact into the iteration's directory, and is read back
instead of run when that artefact is complete: that is all there is to resuming a run.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from star.metrics import summarise
from star.recipe import Recipe
from star.records import Problem, derive_seed
from star.report import write_report
from star.select import answers, failures
from star.session import Session
from star.spool import Chosen
from star.store import Store
from star.synthesize.pool import within_share
from star.tracking import tracked


def run(session: Session, store: Store) -> None:
    """Run all iterations of a recipe, or those that the run directory lacks."""
    recipe = session.recipe
    store.update(recipe.keep)  # a kill may have come between an iteration's end and this
    iterations = store.iterations(recipe.iterations, session.goes_on)
    for iteration in tracked(iterations, recipe, store):  # 0 only scores the base model
        number = iteration.number
        if number > 0:
            session.use_model(number - 1)
            session.synthesize(iteration)
            problems = within_share(draw(session.pool(iteration), recipe, number), recipe, number)
            if recipe.method == "direct":  # the paper's baseline: bare answers, no rationales
                accepted = answers(problems, session.prompts, number)
            else:
                attempts = session.attempt(iteration, problems)
                rationalizations = session.rationalize(iteration, failures(problems, attempts, recipe, number))
                accepted = session.select(iteration, attempts, rationalizations)
            session.fine_tune(iteration, session.mix(iteration, accepted))  # from the original base model
        session.watch_reference(iteration)  # here, where the sampler's weights are not in memory
        session.use_model(number)
        session.evaluate(iteration)
        session.audit(iteration)
        iteration.json("metrics", lambda done=iteration: summarise(done, recipe))
        session.describe(iteration)
        iteration.finish()
        store.update(recipe.keep)
        write_report(store.folder, pictures=False)
    session.sampler.release()  # all that was sampled is in journals


def draw(problems: Sequence[Problem], recipe: Recipe, number: int) -> Sequence[Problem]:
    """The training problems of one iteration: all of them, or `problems_per_iteration` drawn for it."""
    count = recipe.problems_per_iteration
    if count is None or count >= len(problems):
        return problems
    rng = random.Random(derive_seed(recipe.seed, number, "draw"))
    return Chosen(problems, rng.sample(range(len(problems)), count))
