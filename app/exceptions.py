"""Roots of the error tree; each package derives its own beside the code that raises them.

ServiceError
├── ConfigError      the user's files are wrong: a text, never a traceback
│   ├── ConfigFileError         (static_config): all that is wrong, each with file and line
│   ├── OptionError             (static_config): options that cannot be; who raises it knows no file
│   ├── RefusedError            (components): the options that components have refused
│   ├── MissingSectionError     (components)
│   ├── ComponentGraphError     (components)
│   └── ListenerError           (server)
├── ComponentStartError         (components): a part could not start
├── UpdateError                 (config_updates): new values of the dynamic config cannot be had
├── NoValuesError               (config_updates): there are no values to start with
├── StoreError                  (config_service): what was to be done was not done
├── StoreBehindError            (config_service): somebody else has appended changes
└── EditError                   (config_service): a change is not made, and why
"""


class ServiceError(Exception):
    """What went wrong with this service, said in its text to the person who runs it."""


class ConfigError(ServiceError):
    """A config file asks for something that cannot be done; nothing has been started."""
