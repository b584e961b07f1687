/** Errors that are found after the command line is parsed name the origin of their value. */
import * as Fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"

/** Runs a command with variables, and returns its last line on standard error. */
const errorOf = (command: string, env: Record<string, string> = {}) =>
  Cli.runInProcess(command.split(" ")).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
    Effect.map(({ code, stderr }) => ({
      code,
      line: stderr.trimEnd().split("\n").at(-1)!.replace("effect-inet: ", "")
    }))
  )

const words = "expected one word of a to z per line"

describe("an error", () => {
  const variables: ReadonlyArray<readonly [assignment: string, command: string, code: number, line: string]> = [
    ["TFTP_USER=nosuch", "tftp serve --root . --port 0", 2, 'TFTP_USER: no user "nosuch" on this host'],
    ["ROT13_GROUP=daemon", "rot13 serve", 2, "ROT13_GROUP needs --user: name the user to run as, too"],
    ["ROT13_UNIX_MODE=600", "rot13 serve", 2, "ROT13_UNIX_MODE needs --unix: add it, or leave ROT13_UNIX_MODE out"],
    ["", "rot13 serve --unix /nosuch/a --port 2067", 2, "--port has no effect beside --unix: leave one of them out"],
    ["", "hangman serve --unix /nosuch/a --port 0", 2, "--port has no effect beside --unix: leave one of them out"],
    [
      "ROT13_UNIX=/nosuch/a",
      "rot13 serve --host ::1",
      2,
      "--host has no effect beside ROT13_UNIX: leave one of them out"
    ],
    ["ROT13_PORT=2067", "rot13 serve --unix /nosuch/a", 1, "cannot listen on /nosuch/a"],
    [
      "ROT13_UNIX_OWNER=nosuch",
      "rot13 serve --unix /nosuch/socket",
      2,
      'ROT13_UNIX_OWNER: no user "nosuch" on this host'
    ],
    [
      "TFTP_ROOT=/nosuch",
      "tftp serve --port 0",
      1,
      'tftp: TFTP_ROOT "/nosuch": not a readable directory: no such file or directory'
    ],
    [
      "HANGMAN_WORDS=/nosuch",
      "hangman serve --port 0",
      1,
      `/nosuch: no such file or directory; ${words} (HANGMAN_WORDS)`
    ],
    [
      "HANGMAN_SCORES=/nosuch/scores",
      "hangman serve --port 0",
      1,
      "/nosuch/scores: its directory does not exist; create it first (HANGMAN_SCORES)"
    ],
    ["HANGMAN_SCORES=/nosuch", "hangman top", 1, "/nosuch: no such file or directory (HANGMAN_SCORES)"],
    ["ROT13_HOST=192.0.2.77", "rot13 serve", 1, "rot13: 192.0.2.77:1067: not an address of this host (ROT13_HOST)"],
    ["ROT13_UNIX=/nosuch/socket", "rot13 serve", 1, "(ROT13_UNIX)"],
    [
      "ROT13_ADMIN=192.0.2.77:80",
      "rot13 serve --port 0",
      1,
      "rot13: admin server: 192.0.2.77:80: not an address of this host (ROT13_ADMIN)"
    ],
    ["GUESS_MIN=5", "guess play --max 3", 2, "GUESS_MIN 5 is above --max 3"],
    ["TFTP_TIMEOUT=1ms", "rcat 127.0.0.1 f", 2, "invalid TFTP_TIMEOUT: must be from 10ms to 255s"],
    [
      "EFFECT_INET_CAPTURE=/nosuch/file",
      "rot13 send 127.0.0.1 1 x",
      1,
      'EFFECT_INET_CAPTURE "/nosuch/file": no such file or directory'
    ]
  ]
  it.live.each(variables)("names the variable %s of: %s", ([assignment, command, code, line]) =>
    Effect.gen(function* () {
      const [name = "", value = ""] = assignment.split("=")
      const found = yield* errorOf(command, { [name]: value })
      assert.include(found.line, line)
      assert.strictEqual(found.code, code)
    })
  )

  it.live.each([
    ["tftp:\n  user: nosuch\n", "tftp serve --root . --port 0", '2:9: tftp.user: no user "nosuch" on this host', 2],
    ["hangman: { words: /nosuch }\n", "hangman serve --port 0", "1:19: hangman.words", 1],
    ["rot13: { host: 192.0.2.77 }\n", "rot13 serve", "1:16: rot13.host", 1],
    ["up: { group: daemon }\n", "up", "1:14: up.group needs --user: name the user to run as, too", 2]
  ] as const)("names the place in the file %j of: %s", ([text, command, place, exitCode]) =>
    Effect.gen(function* () {
      const path = (yield* directory()).inRoot("a.yaml")
      Fs.writeFileSync(path, text)
      const { code, line } = yield* errorOf(`${command} --config ${path}`)
      assert.include(line, `${path}:${place}`)
      assert.strictEqual(code, exitCode)
    }).pipe(Effect.scoped)
  )

  it.live("names the flag of a value on the command line, whatever the environment says", () =>
    Effect.gen(function* () {
      const { line } = yield* errorOf("tftp serve --root . --port 0 --user nosuch", { TFTP_USER: "other" })
      assert.strictEqual(line, '--user: no user "nosuch" on this host')
    })
  )

  it.live("names the variable of a fault plan, and its place in a file that another command uses", () =>
    Effect.gen(function* () {
      const { code, line } = yield* errorOf("services rot13", { EFFECT_INET_FAULTS: "x" })
      assert.match(line, /^Try: /)
      assert.strictEqual(code, 2)
      const { stderr } = yield* Effect.provideService(
        Cli.runInProcess(["services", "rot13"]),
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromEnv({ env: { EFFECT_INET_FAULTS: "x" } })
      )
      assert.match(stderr, /^effect-inet: EFFECT_INET_FAULTS: expected a fault plan: .* \(got "x"\)\n/)
      const path = (yield* directory()).inRoot("a.yaml")
      Fs.writeFileSync(path, "impair:\n  plan: x\n")
      const inFile = yield* Cli.runInProcess(["services", "rot13", "--config", path])
      assert.match(
        inFile.stderr,
        /^effect-inet: [^\n]*a\.yaml:2:9: impair\.plan: expected a fault plan: .* \(got "x"\)\n/
      )
    }).pipe(Effect.scoped)
  )

  it.live("names EFFECT_INET_CONFIG if that names the file", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Cli.run(["services", "rot13"], { env: { EFFECT_INET_CONFIG: "/nosuch" } })
      assert.strictEqual(stderr.split("\n")[0], 'effect-inet: EFFECT_INET_CONFIG "/nosuch": no such file or directory')
      assert.strictEqual(code, 2)
    })
  )
})

describe("an option of the environment that is meant for the server", () => {
  const refused = "connection refused"
  it.live.each([
    ["HANGMAN_SCORES=/nosuch", "hangman top 127.0.0.1 --port 1", 1, refused],
    ["ROT13_JSON=true", "rot13 send 127.0.0.1 1", 1, refused],
    ["ROT13_STYLE=python", "rot13 send 127.0.0.1 1", 1, refused],
    ["ROT13_STYLE=old", "rot13 send 127.0.0.1 1 text", 1, refused],
    ["TFTP_JSON=true", "tftp get tftp://127.0.0.1:1/file -o -", 1, refused],
    ["PRIMES_DIALECT=course", "primes count 10 --workers 1", 0, ""],
    ["STATUS_DIALECT=course", "status --once --settle 1ms --address 127.255.255.254", 0, ""],
    ["STATUS_RELAY=true", "status --once --settle 1ms --address 127.255.255.254", 0, ""],
    ["RESOLVE_SERVER=127.0.0.1", "resolve 127.0.0.1 80", 0, ""],
    ["RESOLVE_CANONICAL=true", "resolve 127.0.0.1 --reverse", 0, ""]
  ] as const)("%s is ignored by: %s", ([assignment, command, code, line]) =>
    Effect.gen(function* () {
      const [name = "", value = ""] = assignment.split("=")
      const found = yield* errorOf(command, { [name]: value })
      assert.include(found.line, line)
      assert.strictEqual(found.code, code)
    })
  )

  it.live.each([
    ["hangman top 127.0.0.1 --scores /nosuch", "HOST and --scores FILE exclude each other"],
    ["rot13 send 127.0.0.1 1 --json", "--json requires messages"],
    ["tftp get tftp://127.0.0.1:1/file -o - --json", "--json and -o - cannot be combined"],
    ["primes count 10 --dialect course", "--dialect needs --hosts"],
    ["status --once --dialect course", "--dialect is for sent packets"],
    ["resolve 127.0.0.1 --server 127.0.0.1", "--server needs --record or --reverse"]
  ] as const)("is an error as a flag: %s", ([command, line]) =>
    Effect.gen(function* () {
      const found = yield* errorOf(command)
      assert.include(found.line, line)
      assert.strictEqual(found.code, 2)
    })
  )
})
