import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Handles from "../support/Handles.ts"
import * as Pages from "../support/web/Pages.ts"
import * as QuietLog from "../support/web/QuietLog.ts"

const texts = [
  '{"_tag":"Request","id":"1","tag":"watch","payload":null}',
  '{"_tag":"Request","id":"2","tag":"board","payload":{"service":7}}',
  '{"_tag":"Request","id":"3","tag":"play","payload":{"service":"x","token":""}}',
  '{"_tag":"Request","id":{},"tag":[]}',
  '{"_tag":"Ack","requestId":"1"}',
  '{"_tag":"Interrupt","requestId":"1"}',
  '{"_tag":"Eof"}',
  '{"_tag":"Ping"}',
  "[null,5]",
  "{",
  "",
  "x".repeat(200)
]

/** Frames of a browser, many of which break the protocol of WebSocket or that of effect/rpc. */
const Frames = Schema.Array(
  Schema.Struct({
    text: Schema.Literals(texts),
    opcode: Schema.Literals([1, 1, 1, 1, 2, 8, 9, 10, 0, 3]),
    mask: Schema.Literals([true, true, true, false]),
    /** Position of a byte that is changed, if the frame has it. */
    changed: Schema.Literals([1_000, 1_000, 1_000, 0, 1, 2, 7, 20])
  })
)

const bytesOf = (frames: typeof Frames.Type) =>
  Buffer.concat(
    frames.map(({ changed, mask, opcode, text }) => {
      const bytes = Pages.frame(text, { mask, opcode })
      if (changed < bytes.length) bytes[changed] = bytes[changed]! ^ 0x55
      return bytes
    })
  )

describe("NodePageServer", () => {
  it.live.prop(
    "frames of any kind, on a connection that is cut, harm no other browser and are not logged",
    [Frames, Schema.Boolean],
    ([frames, isReset]) =>
      Effect.gen(function* () {
        const port = yield* Pages.start()
        const other = yield* Pages.connect(port)
        const client = yield* Pages.rawBrowser(port)
        client.socket.write(bytesOf(frames))
        assert.strictEqual((yield* other.about({ token: "" })).version, "1.2.3")
        if (isReset && client.socket.writable) client.socket.resetAndDestroy()
        else client.socket.destroy()
        assert.strictEqual((yield* other.about({ token: "" })).version, "1.2.3")
      }).pipe(Effect.scoped, QuietLog.silently, Handles.assertNoLeaks),
    { arbitrary: { runs: 50 } }
  )
})
