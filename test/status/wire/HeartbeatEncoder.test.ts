import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as CoursePacket from "../../../src/status/wire/CoursePacket.ts"
import * as HeartbeatEncoder from "../../../src/status/wire/HeartbeatEncoder.ts"
import { joinOn, summary, viewOf, waitForCount } from "../../suites/status/StatusTestNetwork.ts"
import * as Simulated from "../../support/Simulated.ts"

const course = {
  from: ({ x, y }: { readonly x: number; readonly y: number }) => ({ jobs: x + y }),
  to: ({ jobs }: { readonly jobs: number }) => ({ x: jobs, y: 0 })
}

const Any = Schema.Struct({ jobs: Schema.Int, who: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(100))) })

const identity = { id: "00000000000000aa", incarnation: 1 }

const make = <A>(schema: Schema.Codec<A, unknown>, payload: A) =>
  HeartbeatEncoder.make({ name: "a", cluster: "", identity, key: undefined, schema, payload, interval: 1_000 })

describe("HeartbeatEncoder", () => {
  it.effect.prop("encodes a payload of any schema that another peer decodes", [Any], ([payload]) =>
    Effect.gen(function* () {
      const voice = yield* make(Any, { jobs: 0 })
      yield* voice.publish(payload)
      const { heartbeat } = yield* voice.nextPacket(1_000, false)
      assert.deepStrictEqual(Result.getOrThrow(voice.decode(heartbeat.payload, heartbeat.dialect)), {
        ...payload,
        // JSON has no -0.
        jobs: payload.jobs + 0
      })
    })
  )

  it.effect.prop("decodes any bytes without throwing, and fails with one short line", [Schema.Uint8Array], ([bytes]) =>
    Effect.gen(function* () {
      const voice = yield* make(Any, { jobs: 0 })
      for (const dialect of ["effect-inet", "course"] as const) {
        const read = voice.decode(bytes, dialect)
        if (Result.isFailure(read)) assert.match(read.failure, /^[^\p{Cc}]{1,1300}$/u)
      }
    })
  )

  it.effect("encodes the course's dialect in 72 bytes and without a goodbye", () =>
    Simulated.run(({ host }) =>
      Effect.gen(function* () {
        const [alice, bob] = yield* Effect.forEach(["alice", "bob"], (name) => host(name))
        const alices = yield* joinOn(alice!, { course })
        const scope = yield* Scope.make()
        const bobs = yield* Scope.provide(
          joinOn(bob!, { course: { ...course, send: true }, payload: { jobs: 5 } }),
          scope
        )
        yield* waitForCount(bobs, 2)
        yield* waitForCount(alices, 2)
        assert.strictEqual(bobs.id, "course:bob")
        assert.deepInclude(viewOf(alices, "bob"), { dialect: "course", payload: { jobs: 5 }, id: "course:bob" })
        yield* bobs.publish({ jobs: 6 })
        yield* Effect.sleep(1_000)
        assert.deepStrictEqual(summary(alices), ["alice alive 0", "bob alive 6"])
        const error = yield* Effect.flip(bobs.publish({ jobs: 2 ** 40 }))
        assert.strictEqual(error.reason, "InvalidPayload")
        yield* Scope.close(scope, Exit.void)
        yield* Effect.sleep(3_000)
        assert.notStrictEqual(viewOf(alices, "bob")?.state, "left")
        yield* Effect.sleep(3_000)
        assert.strictEqual(viewOf(alices, "bob")?.state, "down")
      }).pipe(Effect.scoped)
    )
  )

  it.effect("encodes packets that the course's codec decodes", () =>
    Effect.gen(function* () {
      const voice = yield* HeartbeatEncoder.make({
        ...{ name: "bob", cluster: "", identity, key: undefined, schema: Any, payload: { jobs: 9 }, interval: 1_000 },
        course: { ...course, send: true }
      })
      const { bytes } = yield* voice.nextPacket(1_000, false)
      assert.strictEqual(bytes.length, CoursePacket.sizeBytes)
      assert.deepStrictEqual(CoursePacket.decode(bytes), { name: "bob", x: 9, y: 0 })
      assert.isFalse(voice.sendsGoodbye)
    })
  )
})
