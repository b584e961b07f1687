/** Dissectors of the services of this package: ports, and what they say of messages. */
import { assert, describe, it } from "@effect/vitest"
import * as Board from "../../../src/board/Dissector.ts"
import { captureDissectors } from "../../../src/cli/run/common/dissectors.ts"
import * as Hangman from "../../../src/hangman/Dissector.ts"
import * as FriendlyView from "../../../src/hangman/FriendlyView.ts"
import * as HangmanSession from "../../../src/hangman/HangmanSession.ts"
import type { FieldDissector } from "../../../src/network/dissect/FieldDissector.ts"
import { packageServices } from "../../../src/network/names/WellKnownServices.ts"
import * as CourseProtocol from "../../../src/primes/CourseProtocol.ts"
import * as Primes from "../../../src/primes/Dissector.ts"
import * as CaptureBytes from "../format/CaptureBytes.ts"

const { concat, encode } = CaptureBytes

const end = { address: "10.0.0.1", port: 1 }

const decode = (dissector: FieldDissector, bytes: Uint8Array | string, fromClient: boolean) =>
  dissector.decode(
    {
      ...{ transport: "tcp", kind: "data", from: end, to: end },
      bytes: typeof bytes === "string" ? encode(bytes) : bytes
    },
    fromClient
  )

describe("the dissectors of the services", () => {
  it.each(packageServices)("have one for $name over $protocol on port $port", ({ name, port, protocol }) => {
    const dissector = captureDissectors.find((each) => each.name === name)
    assert.include(dissector?.ports[protocol as "tcp" | "udp"] ?? [], port)
  })

  it("have one for hangman on the ports of all dialects", () => {
    for (const port of Object.values(HangmanSession.defaultPort))
      assert.include(Hangman.dissector.ports.tcp ?? [], port)
  })

  it.each(captureDissectors)("name the fields of $name after it", ({ fields, name }) => {
    const foreign = Object.keys(fields).filter((field) => !field.startsWith(`${name}.`) && field !== "tls.handshake")
    assert.deepStrictEqual(foreign, [])
    assert.isNotEmpty(Object.keys(fields))
  })

  it.each([
    [" h-ng--n   5\n", "word h-ng--n, 5 lives"],
    ["h-ngman 1 \n", "word h-ngman, 1 life"],
    ["Playing hangman on host here: \n \n---- 10 \n", "word ----, 10 lives"],
    ["Welcome.\n\nYour name? ", '"Welcome."'],
    [
      FriendlyView.render({
        message: ["No x in it."],
        board: { word: "-a-a--", lives: 2, initialLives: 10, tried: "aex" },
        prompt: "guess"
      }),
      "word -a-a--, 2 lives"
    ]
  ] as const)("read hangman: %j", (text, summary) => {
    assert.strictEqual(decode(Hangman.dissector, text, false)?.summary, summary)
    assert.strictEqual(decode(Hangman.dissector, "e\n", true)?.summary, 'input "e"')
  })

  it("read the board", () => {
    assert.deepInclude(decode(Board.dissector, "claim 1 2\n3 4\n", true), {
      summary: "claim 1 2, 3 4",
      fields: [
        ["board.command", "claim"],
        ["board.command", "claim"]
      ]
    })
    const reply = decode(Board.dissector, "hello 1 size 8: you are client 1\nbye: x\na\nb\n", false)
    assert.strictEqual(reply?.summary, "hello 1 size 8, bye, a, 1 more lines")
  })

  it("read prime counts", () => {
    const request = CourseProtocol.encodeRequest({ min: 0, max: 10 })
    assert.strictEqual(decode(Primes.dissector, concat(request, request), true)?.summary, "count 0 to 10, 0 to 10")
    assert.strictEqual(decode(Primes.dissector, CourseProtocol.encodeResponse(4), false)?.summary, "4")
    assert.isUndefined(decode(Primes.dissector, request.subarray(1), true))
  })
})
