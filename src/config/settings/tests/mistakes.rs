//! Bad configurations, each with the one line that an administrator reads. Knows no code.

/// What is written, and what is said about it.
pub(super) const MISTAKES: &[(&str, &str)] = &[
    ("\nfoo = 1", "restante.toml:2: unknown key `foo`: remove it, or compare with etc/restante.toml"),
    ("smtp.foo = 1", "restante.toml:1: unknown key `smtp.foo`: remove it, or compare with etc/restante.toml"),
    ("[lmtp]\n[lmtp]", "restante.toml:2: [lmtp]: duplicate key: compare with etc/restante.toml"),
    (
        "user = \"a\"\nhostname",
        "restante.toml:2: key with no value, expected `=`: compare with etc/restante.toml",
    ),
    (
        "[smtp]\nlisten = []\n\nidle = \"5m\"\n",
        "restante.toml:4: unknown key `idle` in [smtp]: remove it, or compare with etc/restante.toml",
    ),
    ("[pop]\n", "restante.toml:1: unknown section [pop]: remove it, or compare with etc/restante.toml"),
    (
        "hostname = 5",
        "restante.toml:1: `hostname`: invalid type: integer `5`, expected a text in quotes: compare with etc/restante.toml",
    ),
    (
        "[smtp]\nlisten = \"0.0.0.0:25\"",
        "restante.toml:2: `listen` in [smtp]: invalid type: string \"0.0.0.0:25\", \
                 expected a list in brackets: compare with etc/restante.toml",
    ),
    (
        "smtp = 25",
        "restante.toml:1: `smtp`: invalid type: integer `25`, expected the section [smtp]: compare with etc/restante.toml",
    ),
    (
        "hostname = \"a b\"",
        "restante.toml:1: `hostname`: `a b` is no host name: write it as in \"mail.example.org\"",
    ),
    // What is not visible is shown escaped: a finding is one line, and no message to a terminal.
    (
        "hostname = \"a\\nb\"",
        "restante.toml:1: `hostname`: `a\\nb` is no host name: write it as in \"mail.example.org\"",
    ),
    (
        "hostname = \"a\\u001bb\"",
        "restante.toml:1: `hostname`: `a\\u{1b}b` is no host name: write it as in \"mail.example.org\"",
    ),
    ("\"a\\nb\" = 1", "restante.toml:1: unknown key `a\\nb`: remove it, or compare with etc/restante.toml"),
    ("data_dir = \"\"", "restante.toml:1: `data_dir`: `` is no path: name a file or a folder"),
    (
        "# first\nshutdown_grace = \"30\"",
        "restante.toml:2: `shutdown_grace`: `30` is no duration: \
             write a number from 1 with s, m, h or d, as in \"30s\" or \"5m\"",
    ),
    (
        "[smtp]\nmax_message_size = \"50 MB\"",
        "restante.toml:2: `max_message_size` in [smtp]: `50 MB` is no size: \
             write bytes as a number, or with KiB, MiB or GiB, as in \"50 MiB\"",
    ),
    (
        "[smtp]\nmax_message_size = -1",
        "restante.toml:2: `max_message_size` in [smtp]: `-1` is no size: \
             write bytes as a number, or with KiB, MiB or GiB, as in \"50 MiB\"",
    ),
    (
        "[smtp]\nmax_message_size = 0",
        "restante.toml:2: `max_message_size` in [smtp]: `0` would let nothing in: \
             write a size, as in \"50 MiB\"",
    ),
    (
        "[smtp]\nmax_recipients = 0",
        "restante.toml:2: `max_recipients` in [smtp]: `0` is out of range: \
             write a number from 1 to 4294967295",
    ),
    (
        "[pop3]\nmax_connections = \"many\"",
        "restante.toml:2: `max_connections` in [pop3]: invalid type: string \"many\", \
                 expected a whole number: compare with etc/restante.toml",
    ),
    (
        "[pop3]\nlisten_tls = [\n  \"0.0.0.0:995\",\n  \"localhost:995\",\n]",
        "restante.toml:4: `listen_tls` in [pop3]: `localhost:995` is no address to listen on: \
             write an IP address and a port, as in \"0.0.0.0:25\" or \"[::1]:25\"",
    ),
    (
        "[lmtp]\nlisten = [\"unix:lmtp.sock\"]",
        "restante.toml:2: `listen` in [lmtp]: `unix:lmtp.sock` is no path of a socket: \
             let it begin with `unix:/`",
    ),
    (
        "[smtp]\nbare_newline = \"keep\"",
        "restante.toml:2: `bare_newline` in [smtp]: `keep` is no choice: \
             write \"accept\" or \"reject\"",
    ),
    (
        "[pop3]\nplaintext_login = true",
        "restante.toml:2: `plaintext_login` in [pop3]: invalid type: boolean `true`, \
                 expected a text in quotes: compare with etc/restante.toml",
    ),
    (
        "[auth]\nexempt = [\"10.0.0.0/33\"]",
        "restante.toml:2: `exempt` in [auth]: `10.0.0.0/33` is no network: write an IP address, \
             or one with the length of its prefix, as in \"127.0.0.0/8\"",
    ),
    (
        "[auth]\npbkdf2_rounds = 1000",
        "restante.toml:2: `pbkdf2_rounds` in [auth]: `1000` is out of range: \
             write a number from 4096 to 10000000",
    ),
    (
        "\n[tls]\nkey = \"key.pem\"",
        "restante.toml:2: [tls] lacks `certificate`: \
             give both the certificate and its key, or neither",
    ),
    (
        "tls.certificate = \"cert.pem\"",
        "restante.toml: [tls] lacks `key`: give both the certificate and its key, or neither",
    ),
    (
        "[smtp]\nidle_timeout = \"5m\"\nidle_timeout = \"6m\"",
        "restante.toml:3: `idle_timeout` in [smtp]: duplicate key: compare with etc/restante.toml",
    ),
];
