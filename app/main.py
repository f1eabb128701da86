"""The composition root: what this service is made of, the ASGI application, the entry point."""

import sys

from app import daemon
from app.chat.handler import ChatHandler
from app.chat.page import ChatPage
from app.components.component_list import ComponentList
from app.config_updates.client_component import DynamicConfigClientComponent
from app.config_updates.client_updater import DynamicConfigClientUpdaterComponent
from app.config_updates.component import DynamicConfigComponent, DynamicConfigFallbacksComponent
from app.config_updates.file_updater import DynamicConfigFileUpdaterComponent
from app.kit_variables import KIT_VARIABLES
from app.logs.component import LoggingComponent
from app.server.component import ServerComponent
from app.service import Service
from app.task_processors.component import TaskProcessorsComponent
from app.tracing.component import TracerComponent

COMPONENTS = ComponentList(
    LoggingComponent,
    TracerComponent,
    TaskProcessorsComponent,
    DynamicConfigComponent,
    DynamicConfigFallbacksComponent,
    DynamicConfigClientComponent,
    DynamicConfigClientUpdaterComponent,
    DynamicConfigFileUpdaterComponent,
    ServerComponent,
    ChatHandler,
    ChatPage,
    variables=KIT_VARIABLES,
)

app = Service(COMPONENTS)


def main() -> None:
    """Run the service as the command line says, and leave with its exit code."""
    sys.exit(daemon.run(COMPONENTS, sys.argv[1:]))
