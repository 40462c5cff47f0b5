"""STaR's outer loop: Algorithm 1 of Zelikman et al. 2022 (https://arxiv.org/abs/2203.14465).

Each line that does work is a stage. A stage writes one artefact into the iteration's directory, and is read back
instead of run when that artefact is complete: that is all there is to resuming a run.
"""

from __future__ import annotations

from functools import partial

from star.metrics import summarise
from star.report import WorkingPage
from star.select import answers, failures
from star.session import Session
from star.stop import goes_on
from star.store import Iteration, Store
from star.tracking import tracked


def run(session: Session, store: Store) -> None:
    """Run all iterations of a recipe, or those that the run directory lacks."""
    recipe, page = session.recipe, WorkingPage(store.folder)
    store.update(recipe.keep)  # a kill may have come between an iteration's end and this
    iterations = store.iterations(recipe.iterations, partial(goes_on, rules=recipe.stop))
    for iteration in tracked(iterations, recipe, store):  # 0 only scores the base model
        number = iteration.number
        if number > 0:
            session.use_model(number - 1)
            session.synthesize(iteration)  # new problems, by the model so far, if the recipe asks for them
            problems = session.problems(iteration)
            if recipe.method == "direct":  # the paper's baseline: bare answers, no rationales
                accepted = answers(problems, session.prompts, number)
            else:
                attempts = session.attempt(iteration, problems)
                rationalizations = session.rationalize(iteration, failures(problems, attempts, recipe, number))
                accepted = session.select(iteration, attempts, rationalizations)
            session.collect(iteration, session.mix(iteration, accepted))
            session.fine_tune(iteration)  # from the original base model
            session.train_verifier(iteration)
        session.watch_reference(iteration)  # here, where the sampler's weights are not in memory
        session.use_model(number)
        session.evaluate(iteration)
        conclude(session, store, iteration)
        page.refresh()
    session.sampler.release()  # all that was sampled is in journals


def conclude(session: Session, store: Store, iteration: Iteration) -> None:
    """What comes of an iteration once it is scored: audit, metrics and card."""
    session.audit(iteration)
    iteration.json("metrics", lambda: summarise(iteration, session.recipe))
    session.describe(iteration)
    iteration.finish()
    store.update(session.recipe.keep)
