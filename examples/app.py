"""What `perdure serve examples.app:app` serves."""

from __future__ import annotations

import perdure
from examples.greeter import Greeter
from examples.signup import Signup
from examples.subscription import Subscriptions

app = perdure.App([Subscriptions(), Greeter(), Signup()])
