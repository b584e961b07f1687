import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as IpNetwork from "effect/net/IpNetwork"
import { ReloadSignal } from "../../../../src/cli/common/Shutdown.ts"
import * as CommandInput from "../../../../src/cli/common/settings/CommandInput.ts"
import { ConfigFile } from "../../../../src/cli/common/settings/ConfigFile.ts"
import * as logLevel from "../../../../src/cli/common/settings/logLevel.ts"
import * as reload from "../../../../src/cli/common/settings/reload.ts"
import { Sources } from "../../../../src/cli/common/settings/settings.ts"
import * as Signal from "../../../../src/network/Signal.ts"

describe("reload.compare", () => {
  const before = {
    port: 1067,
    maxConnections: 10,
    idleTimeout: Duration.seconds(5),
    allow: [IpNetwork.fromStringUnsafe("10.0.0.0/8")],
    stdio: false
  }

  it("finds no difference between equal values of different objects", () => {
    const same = { ...before, idleTimeout: Duration.seconds(5), allow: [IpNetwork.fromStringUnsafe("10.0.0.0/8")] }
    assert.deepStrictEqual(reload.compare(before, same), { limits: [], others: [] })
  })

  it("takes the limits that a service names", () => {
    const after = { ...before, stdio: true, maxConnections: 11 }
    assert.deepStrictEqual(reload.compare(before, after, new Set(["stdio"])), {
      limits: ["stdio"],
      others: ["maxConnections"]
    })
  })

  it("separates limits from options that need a restart", () => {
    const after = {
      ...before,
      port: 2067,
      idleTimeout: Duration.seconds(6),
      allow: [...before.allow, IpNetwork.fromStringUnsafe("192.0.2.0/24")],
      maxConnections: undefined,
      drain: Duration.seconds(1)
    }
    assert.deepStrictEqual(reload.compare(before, after), {
      limits: ["maxConnections", "idleTimeout", "allow", "drain"],
      others: ["port"]
    })
  })
})

describe("reload.follow", () => {
  /** Returns the settings of a file with a level of the log. */
  const inputOf = (level: string): CommandInput.Input => ({
    values: {},
    flags: {},
    sources: (_, name) => Effect.succeed(name === "log-level" ? { text: level, origin: "file" } : undefined),
    found: new Map(),
    file: undefined
  })

  /** Reloads once, with the level `debug` for `info`; returns the log, which ends with a message for each level. */
  const reloadWith = Effect.fnUntraced(function* (change: reload.Change) {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))
    const signal = Signal.make()
    signal.notify()
    const reloaded = yield* Deferred.make<void>()
    const program = Effect.gen(function* () {
      const after = Effect.asVoid(Deferred.succeed(reloaded, undefined))
      yield* Effect.forkChild(reload.follow(change, { before: Effect.void, after }))
      yield* Deferred.await(reloaded)
      yield* Effect.logDebug("end")
    })
    yield* logLevel
      .withSettings(program)
      .pipe(
        Effect.provideService(Sources, inputOf("info").sources),
        Effect.provideService(ConfigFile, Effect.fail("not read")),
        Effect.provideService(ReloadSignal, signal.wait),
        Effect.provideService(CommandInput.CommandInput, inputOf("info")),
        Effect.provideService(CommandInput.Reparse, Effect.succeed(inputOf("debug"))),
        Effect.provide(Logger.layer([logger]))
      )
    return lines
  })

  it.effect("applies the new settings and the level of the log, or none of them", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* reloadWith(() => Effect.succeed({ names: ["rules"], values: {} })), [
        "Info: reloaded: log-level, rules",
        "Debug: end"
      ])
      assert.deepStrictEqual(yield* reloadWith(() => Effect.fail("line 3 is invalid")), [
        "Error: not reloaded, the old settings stay: line 3 is invalid"
      ])
    })
  )

  /** Reloads each of the files in turn, which set a port and a limit; returns the log. */
  const reloadAll = Effect.fnUntraced(function* (files: ReadonlyArray<CommandInput.Input["values"]>) {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    const inputs = files.map((values) => ({ ...inputOf("info"), values }))
    const ended = yield* Deferred.make<void>()
    let next = 0
    const signal = Effect.suspend(() =>
      ++next < inputs.length ? Effect.void : Effect.andThen(Deferred.succeed(ended, undefined), Effect.never)
    )
    const running = { reconfigure: () => Effect.void }
    const change: reload.Change = (after, current) => reload.apply("rot13", after.flags, current, after.values, running)
    yield* Effect.forkChild(reload.follow(change, { before: Effect.void, after: Effect.void })).pipe(
      Effect.provideService(ReloadSignal, signal),
      Effect.provideService(CommandInput.CommandInput, inputs[0]!),
      Effect.provideService(
        CommandInput.Reparse,
        Effect.sync(() => inputs[next]!)
      ),
      Effect.provide(Logger.layer([logger]))
    )
    yield* Deferred.await(ended)
    return lines
  })

  it.effect("compares with what runs, and not with the last reload", () =>
    Effect.gen(function* () {
      const first = { port: 1, maxConnections: 5 }
      const moved = { port: 2, maxConnections: 6 }
      const waits = "rot13: changed in the file, waits for a restart: port"
      const none = "reloaded: no option to apply has changed"
      assert.deepStrictEqual(yield* reloadAll([first, moved, moved, first, first]), [
        waits,
        "reloaded: maxConnections",
        waits,
        none,
        "reloaded: maxConnections",
        none
      ])
    })
  )
})
