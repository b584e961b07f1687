import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../support/Cli.ts"

describe("usage", () => {
  const port = "Expected: a port from 0 to 65535 (0: any free port)"
  const time = "Expected: a time such as 500ms, 5s, 1m or 2h"
  const address = "Expected: an IP address, such as 127.0.0.1 or ::1; 0.0.0.0 or :: for all interfaces"
  const wrong: ReadonlyArray<readonly [command: string, line: string]> = [
    ["rot13 serve --port 65536", `Invalid value for flag --port: "65536". ${port}`],
    ["rot13 serve --port 70000", `Invalid value for flag --port: "70000". ${port}`],
    ["rot13 serve --port abc", `Invalid value for flag --port: "abc". ${port}`],
    ["rot13 serve --port -1", `Invalid value for flag --port: "-1". ${port}`],
    ["rot13 serve --port=1e3", `Invalid value for flag --port: "1e3". ${port}`],
    ["guess play --port 0", `Invalid value for flag --port: "0". Expected: a port from 1 to 65535`],
    ["rot13 serve --drain 5", `Invalid value for flag --drain: "5". ${time}`],
    ["rot13 serve --max-connections 0", `Invalid value for flag --max-connections: "0". Expected: a number, 1 or more`],
    ["rot13 serve --case upper", `Invalid value for flag --case: "upper". Expected: "both" | "lower"`],
    ["rot13 send localhost", "Missing required argument: service"],
    ["rot13 send --style old localhost 1 text", "--style old sends standard input: leave TEXT out"],
    ["rot13 send --style new localhost 1", "--style new requires messages: give at least one TEXT"],
    ["rot13 send --json localhost 1", "--json requires messages: give at least one TEXT"],
    ...["hangman play", "hangman top", "guess play", "board play", "status"].map(
      (client) =>
        [`${client} localhost 1066`, 'Unexpected positional argument: "1066"; the port is a flag: --port 1066'] as const
    ),
    ["rot13 serve 1067", 'Unexpected positional argument: "1067"; the port is a flag: --port 1067'],
    ["guess play localhost 65536", 'Unexpected positional argument: "65536"'],
    ["guess play localhost guess", 'Unexpected positional argument: "guess"'],
    ["services rot13 1067", 'Unexpected positional argument: "1067"'],
    ["rot14", 'Unknown subcommand "rot14" for "effect-inet" Did you mean this? rot13'],
    ["tftp serve", "Missing required flag: --root"],
    ["tftp serve --root . --blksize 7", 'Invalid value for flag --blksize: "7". Expected: a number, 8 to 65464'],
    [
      "tftp serve --root . --port-range 5-4",
      'Invalid value for flag --port-range: "5-4". Expected: two ports such as 50000-50100'
    ],
    [
      "tftp serve --root . --quota 1kB",
      'Invalid value for flag --quota: "1kB". Expected: a number of bytes, such as 500000, 64K, 10M or 1G'
    ],
    [
      "tftp serve --root . --port 0 --listing a/b",
      'invalid --listing "a/b": must be a file name without folders, such as index.txt'
    ],
    ["tftp serve --root . --user no-such-user", '--user: no user "no-such-user" on this host'],
    ["tftp get http://h/f", "invalid URL http://h/f: must be tftp://HOST/FILE"],
    ["tftp get tftp://127.0.0.1/a/", "no file name in tftp://127.0.0.1/a/; name the output with -o"],
    ["tftp get tftp://127.0.0.1/f -o - --json", "--json and -o - cannot be combined: both write to standard output"],
    ["tftp get tftp://127.0.0.1/f -o /dev/null --timeout 1ms", "invalid --timeout: must be from 10ms to 255s"],
    ["tftp put - tftp://127.0.0.1/", "no file name: standard input has none; end the URL with one"],
    [
      "rcat a:b:c:d f",
      "invalid URL tftp://[a:b:c:d]/f: the host must be a name, an IPv4 address, or an IPv6 address in brackets"
    ],
    ["rot13 serve --host localhost", `Invalid value for flag --host: "localhost". ${address}`],
    ["status --relay --host 127.1", `Invalid value for flag --host: "127.1". ${address}`],
    [
      "primes count 10 --hosts 127.0.0.1:99999",
      "--hosts: invalid port 99999 of 127.0.0.1: must be a whole number from 1 to 65535"
    ],
    ["resolve localhost --family 5", `Invalid value for flag --family: "5". Expected: "4" | "6"`]
  ]
  it.live.each(wrong)("prints one line and exits with 2 for: %s", ([command, line]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Cli.runInProcess(command.split(" "))
      assert.strictEqual(stderr.split("\n")[0], `effect-inet: ${line}`)
      assert.strictEqual(stdout, "")
      assert.strictEqual(code, 2)
    })
  )

  const failing: ReadonlyArray<readonly [command: string, line: string]> = [
    ["resolve nosuch.invalid 80", "nosuch.invalid: no such host"],
    ["resolve a..b 80", '"a..b" is not a host: domain name labels must not be empty'],
    [
      "resolve localhost nosuch",
      'unknown service "nosuch" over tcp or udp: give a name of the services file or a port from 0 to 65535'
    ],
    ["resolve localhost 65536", "invalid port 65536: must be a whole number from 0 to 65535"],
    ["resolve ::1 80 --family 4", "::1 is not an IPv4 address: leave the family out, or give an IPv4 address"],
    ["services nosuch", 'unknown service "nosuch": give a name of the services file or a port from 0 to 65535'],
    ["services 65536", "invalid port 65536: must be a whole number from 0 to 65535"],
    ["rot13 send 127.0.0.1 1 text", "127.0.0.1:1: connection refused: nothing is listening on that port"],
    ["rot13 send nosuch.invalid 1 text", "nosuch.invalid: no such host"],
    [
      "tftp serve --root /nosuch --port 0",
      'tftp: --root "/nosuch": not a readable directory: no such file or directory'
    ],
    ["tftp get tftp://nosuch.invalid/f -o /dev/null", "nosuch.invalid: no such host"],
    ["tftp get tftp://127.0.0.1/f -o /nosuch/f", '"/nosuch/f": no such file or folder'],
    ["tftp put /nosuch tftp://127.0.0.1/", '"/nosuch": no such file or folder'],
    ["tftp put / tftp://127.0.0.1/f", '"/": is a directory; name a file'],
    [
      "tftp get tftp://127.0.0.1:1/f -o /dev/null --timeout 10ms --retries 1",
      "tftp://127.0.0.1:1/f: timed out: no reply to 2 requests"
    ],
    ["rot13 serve --host 192.0.2.77", "rot13: 192.0.2.77:1067: not an address of this host"]
  ]
  it.live.each(failing)("prints one line and exits with 1 for: %s", ([command, line]) =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.runInProcess(command.split(" "))
      assert.strictEqual(stderr, `effect-inet: ${line}\n`)
      assert.strictEqual(code, 1)
    })
  )

  const variables: ReadonlyArray<readonly [assignment: string, command: string, line: string]> = [
    ["ROT13_PORT=abc", "rot13 serve", 'expected a port from 0 to 65535 (0: any free port) (got "abc")'],
    ["ROT13_CASE=upper", "rot13 serve", 'expected "both" or "lower" (got "upper")'],
    [
      "HANGMAN_MODEL=foo",
      "hangman serve",
      'expected "iterative", "fibers", "select", "processes" or "threads" (got "foo")'
    ],
    ["TFTP_SYNC=perhaps", "tftp serve --root .", 'expected true or false (got "perhaps")'],
    ["GUESS_DRAIN=5", "guess serve", 'expected a time such as 500ms, 5s, 1m or 2h (got "5")'],
    ["TFTP_QUOTA=1kB", "tftp serve --root .", 'expected a number of bytes, such as 500000, 64K, 10M or 1G (got "1kB")'],
    [
      "BOARD_ALLOW=10.0.0.0/40",
      "board serve",
      'expected networks such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32, separated by commas (got "10.0.0.0/40")'
    ],
    ["UP_MAX_CONNECTIONS=0", "up", 'expected a number, 1 or more (got "0")'],
    [
      "EFFECT_INET_LOG_LEVEL=loud",
      "services rot13",
      'expected a level: all, trace, debug, info, warn, warning, error, fatal, none (got "loud")'
    ]
  ]
  it.live.each(variables)("names the invalid variable: %s", ([assignment, command, line]) =>
    Effect.gen(function* () {
      const [name, value] = assignment.split("=") as [string, string]
      const { code, stderr } = yield* Cli.run(command.split(" "), { env: { [name]: value } })
      assert.strictEqual(stderr.split("\n")[0], `effect-inet: ${name}: ${line}`)
      assert.strictEqual(code, 2)
    })
  )

  it.live.each([["primes count -5..10"], ["primes list -5..10 --kernel trial"], ["resolve -5..10"]])(
    "takes a minus and a digit for an argument: %s",
    ([command]) =>
      Effect.gen(function* () {
        const { stderr } = yield* Cli.runInProcess(command!.split(" "))
        assert.include(stderr, "-5..10")
        assert.notInclude(stderr, "Unrecognized flag")
      })
  )

  it.live.each([
    [""],
    ["up"],
    ["rot13 serve"],
    ["rot13 send"],
    ["tftp serve"],
    ["tftp get"],
    ["tftp put"],
    ["rcat"],
    ["resolve"],
    ["services"],
    ["status"],
    ["status-of"],
    ["demo boundaries"],
    ["capture read"]
  ])("prints help and examples for: %s --help", ([command]) =>
    Effect.gen(function* () {
      const args = [...command!.split(" "), "--help"].filter((arg) => arg !== "")
      const { code, stdout } = yield* Cli.runInProcess(args)
      assert.strictEqual(code, 0)
      assert.include(stdout, "USAGE")
      if (command !== "") assert.include(stdout, "EXAMPLES")
    })
  )

  it.live.each([["bash"], ["zsh"], ["fish"]])("prints completions for %s", ([shell]) =>
    Effect.gen(function* () {
      const { code, stdout } = yield* Cli.runInProcess(["--completions", shell!])
      assert.strictEqual(code, 0)
      assert.include(stdout, "boundaries")
    })
  )
})
