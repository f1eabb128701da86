"""The composition root of the config service: what it is made of, and its entry point."""

import sys
from pathlib import Path
from typing import Final

from app import daemon
from app.components.component_list import ComponentList
from app.config_service.admin_edits import AdminRollbackHandler, AdminValueHandler
from app.config_service.admin_reads import (
    AdminEffectiveHandler,
    AdminHistoryHandler,
    AdminValuesHandler,
    AdminVariablesHandler,
)
from app.config_service.admin_services import AdminServiceHandler
from app.config_service.component import ConfigStoreComponent
from app.config_service.page import ConfigPage
from app.config_service.service_handlers import ConfigSchemasHandler, ConfigValuesHandler
from app.config_updates.component import DynamicConfigComponent, DynamicConfigFallbacksComponent
from app.config_updates.file_updater import DynamicConfigFileUpdaterComponent
from app.kit_variables import KIT_VARIABLES
from app.logs.component import LoggingComponent
from app.server.component import ServerComponent
from app.service import Service
from app.task_processors.component import TaskProcessorsComponent
from app.tracing.component import TracerComponent

COMPONENTS: Final = ComponentList(
    LoggingComponent,
    TracerComponent,
    TaskProcessorsComponent,
    DynamicConfigComponent,
    DynamicConfigFallbacksComponent,
    DynamicConfigFileUpdaterComponent,
    ServerComponent,
    ConfigStoreComponent,
    # Routes are tried in this order, and this one is asked all the time.
    ConfigValuesHandler,
    ConfigSchemasHandler,
    AdminVariablesHandler,
    AdminValuesHandler,
    AdminEffectiveHandler,
    AdminHistoryHandler,
    AdminRollbackHandler,
    AdminValueHandler,
    AdminServiceHandler,
    ConfigPage,
    variables=KIT_VARIABLES,
)

CONFIGS: Final = (Path("config/config_service.yaml"),)

app = Service(COMPONENTS, default_configs=CONFIGS)


def main() -> None:
    """Run the config service as the command line says, and leave with its exit code."""
    program = "python -m app.config_service"
    sys.exit(daemon.run(COMPONENTS, sys.argv[1:], program=program, default_configs=CONFIGS))
