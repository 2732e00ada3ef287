"""Options and commands that several commands have in common, made for click."""

from __future__ import annotations

import click


class Speed(click.ParamType[float]):
    """A speed: 0.1 to 100, or `instant`."""

    name = "speed"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        text = str(value).lower().removesuffix("x")
        if text == "instant":
            return float("inf")
        try:
            speed = float(text)
        except ValueError:
            speed = 0.0
        if not 0.1 <= speed <= 100:
            self.fail(f"{value!r} is not a speed: 0.1 to 100, or instant", param, ctx)
        return speed


speed_option = click.option(
    "--speed", type=Speed(), default=1.0, help="How fast: 0.1 to 100 (default 1), or instant."
)
theme_option = click.option(
    "--theme", metavar="NAME", help="Colours of the screen: nord, textual-light, ..."
)
smooth_option = click.option(
    "--smooth",
    type=click.Choice(["sentence", "character"]),
    help="Show text sentence by sentence, or at an even pace.",
)
plain_option = click.option(
    "--plain", is_flag=True, help="Write the answer as plain text, without a screen."
)


class OnceCommand(click.Command):
    """A command that refuses an option that is given twice, where only one of them could count."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for option in given:
            if not isinstance(option, click.Option) or option.multiple or option.is_flag:
                continue
            if given.count(option) > 1:
                raise click.UsageError(f"{option.opts[0]} is given twice: give it once", ctx)
        return super().parse_args(ctx, args)


class OnceGroup(click.Group):
    """A group of such commands."""

    command_class = OnceCommand
