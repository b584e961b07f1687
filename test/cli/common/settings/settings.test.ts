import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as flags from "../../../../src/cli/common/flags.ts"
import * as settings from "../../../../src/cli/common/settings/settings.ts"

const table = {
  port: flags.port("rot13", 1067),
  size: flags.integer("rot13", "size", 1, 9, ""),
  case: flags.choice("rot13", "case", ["both", "lower"], ""),
  sync: flags.toggle("rot13", "sync", "")
}

/** A source with texts by name. */
const fixed =
  (texts: Readonly<Record<string, string>>): settings.Source =>
  (_, name) => {
    const text = texts[name]
    return Effect.succeed(text === undefined ? undefined : { text, origin: `fixed ${name}` })
  }

const readAll = (source: settings.Source) => Effect.provide(settings.read(table, source), NodeServices.layer)

const read = (source: settings.Source) => Effect.map(readAll(source), ({ values }) => values)

describe("settings", () => {
  it.effect("read flags without any text as their defaults", () =>
    Effect.gen(function* () {
      const values = yield* read(fixed({}))
      assert.deepStrictEqual(values, { port: 1067, size: undefined, case: undefined, sync: false })
    })
  )

  it.effect("read each flag by its own parser", () =>
    Effect.gen(function* () {
      const values = yield* read(fixed({ port: "0", size: "9", case: "lower", sync: "on" }))
      assert.deepStrictEqual(values, { port: 0, size: 9, case: "lower", sync: true })
    })
  )

  it.effect("name the origin of an invalid text", () =>
    Effect.gen(function* () {
      for (const [name, text] of Object.entries({ port: "x", size: "10", case: "upper", sync: "2" })) {
        const { message } = yield* Effect.flip(read(fixed({ [name]: text })))
        assert.match(message, new RegExp(`^fixed ${name}: expected .+ \\(got "${text}"\\)$`))
      }
    })
  )

  it.effect("take the first source that has a text, and the environment by variables", () =>
    Effect.gen(function* () {
      const source = settings.firstOf(fixed({ size: "1" }), settings.environment, fixed({ size: "3", case: "both" }))
      const env = { ROT13_SIZE: "2", ROT13_CASE: "lower" }
      const values = yield* Effect.provideService(
        read(source),
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromEnv({ env })
      )
      assert.deepInclude(values, { size: 1, case: "lower" })
    })
  )

  it.effect("record the values that were found, but not defaults", () =>
    Effect.gen(function* () {
      const source: settings.Source = (_, name) =>
        Effect.succeed(
          name === "size"
            ? { text: "9", origin: "a.yaml:1:2: rot13.size" }
            : name === "case"
              ? { text: "lower", origin: "default of case", isDefault: true }
              : undefined
        )
      const { found, values } = yield* readAll(source)
      assert.deepInclude(values, { size: 9, case: "lower" })
      assert.deepStrictEqual([...found.keys()], ["size"])
    })
  )

  it("are declared by their flags", () => {
    assert.deepStrictEqual(
      settings.settingsOf(table).map(({ name, section }) => `${section}.${name}`),
      ["rot13.port", "rot13.size", "rot13.case", "rot13.sync"]
    )
    assert.strictEqual(settings.nameOf({ max: flags.integer("rot13", "max-size", 1, 2, "") }, "max"), "max-size")
  })
})

describe("nameOrigins", () => {
  const found = new Map([
    ["user", { text: "nosuch", origin: "ROT13_USER" }],
    ["port", { text: "80", origin: "a.yaml:2:9: rot13.port" }],
    ["words", { text: "/none", origin: "HANGMAN_WORDS" }]
  ])
  it.each([
    ['--user: no user "nosuch" on this host', 'ROT13_USER: no user "nosuch" on this host'],
    ["choose another port with --port", "choose another port with a.yaml:2:9: rot13.port"],
    ["--group needs --user", "--group needs ROT13_USER"],
    ["--user-name, x--user and --users", "--user-name, x--user and --users"],
    ['"--user \\" --user" is not a host', '"--user \\" --user" is not a host'],
    ["/none: no such file", "/none: no such file (HANGMAN_WORDS)"],
    ['"/none": no such file', '"/none": no such file (HANGMAN_WORDS)'],
    ["/none/x: no such file", "/none/x: no such file (HANGMAN_WORDS)"],
    ["/nonefile: no such file", "/nonefile: no such file"],
    ["port 80 is reserved for root", "port 80 is reserved for root"]
  ])("changes %j to %j", (message, named) => {
    assert.strictEqual(settings.nameOrigins(message, found), named)
  })

  it("formats other flags by a function", () => {
    assert.strictEqual(
      settings.nameOrigins("--host or --port", found, (name) => `up.services.a.${name}`),
      "up.services.a.host or a.yaml:2:9: rot13.port"
    )
  })
})
