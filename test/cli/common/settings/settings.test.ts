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

const read = (source: settings.Source) => Effect.provide(settings.read(table, source), NodeServices.layer)

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

  it("are declared by their flags", () => {
    assert.deepStrictEqual(
      settings.settingsOf(table).map(({ name, section }) => `${section}.${name}`),
      ["rot13.port", "rot13.size", "rot13.case", "rot13.sync"]
    )
    assert.strictEqual(settings.nameOf({ max: flags.integer("rot13", "max-size", 1, 2, "") }, "max"), "max-size")
  })
})
