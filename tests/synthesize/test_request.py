"""Prompts that another process completes."""

import json

from star.custom import Own
from star.follower import Follower
from star.models import Checkpoint
from star.recipe import Decoding
from star.records import ChatText, Prompt
from star.request import Request
from star.train.likelihood import Likelihood
from tests.synthesize.writing import Mathematician


def test_a_follower_completes_what_it_is_told_as_the_first_process_would(recipe_with):
    chat = ChatText("<user>List:<assistant>", (("user", "List:"),))
    prompts = [Prompt("new/001/00000", "List:"), Prompt("new/001/00001", chat)]
    request = Request(prompts, Decoding(temperature=1.0, samples=2), 3, None, "base")
    follower = Follower(recipe_with(), Own(sampler=Mathematician()))
    follower.sampler, follower.likelihood = follower.own.sampler, Likelihood(recipe_with(), Checkpoint("none"))
    told = json.loads(json.dumps(request.to_dict()))
    assert Request.from_dict(told) == request
    assert Request.from_dict(told).prompts[1].text.turns == chat.turns
    assert follower.sample(**told) == request.sample(Mathematician())
