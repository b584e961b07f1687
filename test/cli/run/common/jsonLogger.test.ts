import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as jsonLogger from "../../../../src/cli/run/common/jsonLogger.ts"
import * as Network from "../../../../src/network/Network.ts"

describe("jsonLogger", () => {
  const logs: ReadonlyArray<readonly [what: string, log: Effect.Effect<void>, entry: object]> = [
    ["a text", Effect.logInfo("ready"), { message: "ready", level: "INFO" }],
    [
      "a text and a failure",
      Effect.logInfo("connection ended", new Network.NetworkError({ reason: "Reset" })),
      { message: "connection ended", details: [{ reason: "Reset", _tag: "NetworkError" }] }
    ],
    ["several values", Effect.logInfo("a", 1, ["b"]), { message: "a", details: [1, ["b"]] }],
    ["a value", Effect.logInfo({ a: 1 }), { message: '{"a":1}' }],
    ["annotations", Effect.annotateLogs(Effect.logInfo("a"), { service: "b" }), { annotations: { service: "b" } }]
  ]
  it.effect.each(logs)("formats %s", ([, log, entry]) =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.map(jsonLogger.format, (line) => void lines.push(line))
      yield* Effect.provide(log, Logger.layer([logger]))
      assert.strictEqual(lines.length, 1)
      const written = JSON.parse(lines[0]!)
      assert.deepInclude(written, entry)
      assert.strictEqual("details" in written, "details" in entry)
    })
  )
})
