"""Commands about the daemon itself."""

import os

from milestones.commands.host import Host
from milestones.commands.models.command import NoReport, Report, UnderWay
from milestones.commands.models.daemon import (
    ConfigurationAnswer,
    GetConfiguration,
    GetStatus,
    Reload,
    ReloadAnswer,
    StatusAnswer,
)
from milestones.store.database.store import find_trouble


async def reload(host: Host, _command: Reload, report: Report[UnderWay]) -> ReloadAnswer:
    """Put the configuration into force as it is in the file now, or refuse it whole.

    Returns when nothing is under way any more that began by the former one.
    """
    configuration = await host.reload()
    await host.runtime.flights.wait_until_landed(tell=lambda left: report(UnderWay(under_way=left)))
    return ReloadAnswer(configuration=configuration)


async def status(host: Host, _command: GetStatus, _report: Report[NoReport]) -> StatusAnswer:
    """Tell who answers here, and whether its database serves it. Changes nothing."""
    return StatusAnswer(
        pid=os.getpid(),
        configuration=host.runtime.rules.site("").configuration,
        database=await find_trouble(host.runtime.store) or "serves",
        mistyped_callbacks=host.mistyped_callbacks(),
    )


async def configuration(
    host: Host, _command: GetConfiguration, _report: Report[NoReport]
) -> ConfigurationAnswer:
    """Tell what the configuration in force was read from."""
    settings = host.settings
    text, environ, uses = settings.source
    return ConfigurationAnswer(
        path=settings.path.absolute(),
        text=text,
        environ=dict(environ),
        uses={template: tuple(sorted(groups)) for template, groups in uses.items()},
    )
