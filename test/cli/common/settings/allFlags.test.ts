/** Every flag of every command can come from the environment or from a configuration file. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import type * as Command from "effect/cli/Command"
import type * as Param from "effect/cli/Param"
import * as Effect from "effect/Effect"
import * as flags from "../../../../src/cli/common/flags.ts"
import { flagTables } from "../../../../src/cli/common/lazyCommand.ts"
import * as settings from "../../../../src/cli/common/settings/settings.ts"
import * as main from "../../../../src/cli/main.ts"
import * as sections from "../../../../src/cli/run/config/sections.ts"
import * as ServerConfig from "../../../../src/network/ServerConfig.ts"

/** Flags that only the command line has, by command and key, each with its reason. */
const exceptions: Readonly<Record<string, string>> = {
  "up rot13Port": "ROT13_PORT: the instance reads the option of its service",
  "up hangmanPort": "HANGMAN_PORT, in the same way",
  "up guessPort": "GUESS_PORT, in the same way",
  "up boardPort": "BOARD_PORT, in the same way",
  "up primesPort": "PRIMES_PORT, in the same way",
  "up tftpPort": "TFTP_PORT, in the same way",
  "up statusPort": "STATUS_PORT, in the same way",
  "up check": "one run: it checks and exits",
  "tftp serve checkRules": "one run, in the same way",
  "primes count dialect": "PRIMES_DIALECT is that of the server, with another meaning",
  ...Object.fromEntries(
    [
      "host",
      "maxConnections",
      "maxConnectionsPerPeer",
      "connectionsPerSecond",
      "connectionsPerSecondPerPeer",
      "allow",
      "deny",
      "idleTimeout",
      "writeTimeout",
      "drain"
    ].map((key) => [`up ${key}`, "UP_HOST and so on: each instance reads it, below its own options"])
  )
}

/** Texts of which each setting accepts one that is not its default; else it has a list of words. */
const samples = ["size=10M", "127.0.0.1:80", "192.0.2.7", "10.0.0.0/8", "1-2", "660", "64K", "7s", "7", "true"]

const sampleOf = ({ accepts, expected, name }: settings.Setting) =>
  name === "plan" || name === "faults"
    ? "drop=5%"
    : [...samples, ...expected.split(/[^\w-]+/)].filter((text) => text !== "").find(accepts)

/** The flags of a command and of those below it, by their keys and the path of their command. */
const flagsOf = (
  command: Command.Command.Any,
  path: string
): ReadonlyArray<readonly [name: string, flag: Param.AnyFlag]> => {
  const below = command.subcommands.flatMap(({ commands }) =>
    commands.flatMap((one) => flagsOf(one, `${path} ${one.name}`.trim()))
  )
  if (below.length > 0) return below
  return flagTables(command).flatMap((table) =>
    Object.entries(table).flatMap(([key, param]) =>
      (param as Param.Any).kind === "flag" ? [[`${path} ${key}`, param as Param.AnyFlag] as const] : []
    )
  )
}

const allFlags = Effect.map(
  Effect.promise(() => main.load(["--wizard"])),
  (root) => [
    ...flagsOf(root, ""),
    ...flags.globalFlags.filter(({ id }) => id !== "config").map(({ flag, id }) => [id, flag] as const)
  ]
)

const parse = (flag: Param.AnyFlag, env: Record<string, string>) =>
  Effect.map(flag.parse({ flags: {}, arguments: [] }), ([, value]) => value as unknown).pipe(
    Effect.provide(NodeServices.layer),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
  )

describe("every flag", () => {
  it.effect("has a setting, except those that only the command line can have", () =>
    Effect.gen(function* () {
      const all = yield* allFlags
      const without = all.filter(([, flag]) => settings.settingsOf({ flag }).length === 0).map(([name]) => name)
      assert.deepStrictEqual(without.sort(), Object.keys(exceptions).sort())
      assert.isAbove(all.length, 200)
    })
  )

  it.effect("takes its value from its variable", () =>
    Effect.gen(function* () {
      for (const [name, flag] of yield* allFlags) {
        const [setting] = settings.settingsOf({ flag })
        if (setting === undefined) continue
        const variable = ServerConfig.variable(setting.section, setting.name)
        const sample = sampleOf(setting)
        assert.isDefined(sample, name)
        const unset = yield* Effect.result(parse(flag, {}))
        assert.notDeepEqual(yield* Effect.result(parse(flag, { [variable]: sample! })), unset, `${name}: ${variable}`)
      }
    })
  )

  it.effect("does not accept an empty path", () =>
    Effect.gen(function* () {
      const all = (yield* allFlags).flatMap(([, flag]) => settings.settingsOf({ flag }))
      const paths = all.filter(({ accepts, expected }) => !accepts("") && expected.startsWith("a path"))
      const names = new Set(paths.map(({ name, section }) => ServerConfig.variable(section, name)))
      for (const name of ["PRIMES_CHECKPOINT", "EFFECT_INET_CAPTURE", "HANGMAN_SCORES", "TFTP_ROOT", "BOARD_UNIX"]) {
        assert.include([...names], name)
      }
    })
  )

  it.effect("has its key in a configuration file", () =>
    Effect.gen(function* () {
      const { options, services } = sections.all
      for (const [name, flag] of yield* allFlags) {
        for (const { name: key, section } of settings.settingsOf({ flag })) {
          const known = (options[section] ?? []).map((setting) => setting.name)
          assert.include(known, key, `${name}: ${section}.${key}`)
        }
      }
      for (const [service, own] of Object.entries(services)) {
        const known = options[service]!.map((setting) => setting.name)
        for (const { name } of own) assert.include(known, name, service)
      }
    })
  )

  it.effect("accepts the values of the flags that share its variable, except for limits of a server or a client", () =>
    Effect.gen(function* () {
      const expected = new Map<string, Set<string>>()
      for (const [, flag] of yield* allFlags) {
        for (const setting of settings.settingsOf({ flag })) {
          const variable = ServerConfig.variable(setting.section, setting.name)
          expected.set(variable, (expected.get(variable) ?? new Set()).add(setting.expected))
        }
      }
      const differing = [...expected].filter(([, texts]) => texts.size > 1).map(([variable]) => variable)
      // A server listens on any free port, 0; a client's time-out may be 0; a measurement has fewer workers.
      const ports = ["BOARD_PORT", "GUESS_PORT", "HANGMAN_PORT"]
      assert.deepStrictEqual(differing.sort(), [...ports, "PRIMES_WORKERS", "TFTP_TIMEOUT"].sort())
    })
  )

  it("has a variable and a key of its own", () => {
    const { options } = sections.all
    const names = Object.entries(options).flatMap(([section, known]) =>
      known.map(({ name }) => ServerConfig.variable(section, name))
    )
    assert.strictEqual(new Set(names).size, names.length)
    for (const { name } of options[settings.globalSection]!) assert.notProperty(options, name)
    assert.notInclude(names, "LISTEN_FDS")
    assert.notInclude(names, "EFFECT_INET_CONFIG")
  })
})
