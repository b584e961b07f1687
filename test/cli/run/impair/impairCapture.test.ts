/** Captures of impaired commands agree with the faults that the commands report. */

import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Endpoint from "../../../../src/network/Endpoint.ts"
import * as Network from "../../../../src/network/Network.ts"
import * as NodeNetwork from "../../../../src/network/node/NodeNetwork.ts"
import * as Cli from "../../../support/Cli.ts"
import { Hosts, turns } from "../../../support/Hosts.ts"

const has = (command: string) => ChildProcess.spawnSync("which", [command]).status === 0

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

const here = Layer.merge(Hosts.one(NodeNetwork.layer), NodeNetwork.layer)

/** A packet in the output of `capture read --json`. */
interface Shown {
  readonly from: Endpoint.Endpoint
  readonly to: Endpoint.Endpoint
  readonly summary: string
  readonly comments: ReadonlyArray<string>
}

/** Sends datagrams to an echo server through the proxy, then a last one until its echo arrives, after all others. */
const exchange = Effect.fnUntraced(function* (payloads: ReadonlyArray<string>, ...args: ReadonlyArray<string>) {
  const network = yield* Network.Network
  const server: Network.UdpSocket = yield* network.udp({}, (bytes, from) => server.sendUnsafe(bytes, from))
  const file = Path.join(yield* directory, "out.pcapng")
  const to = `127.0.0.1:${server.local.port}`
  const proxy = yield* Cli.startInProcess([
    ...["impair", "--listen", "127.0.0.1:0", "--to", to, "--udp", "--json", "--capture", file, ...args]
  ])
  const [line] = yield* proxy.waitForOutput("stdout", /^\{.*\}$/m)
  const { port } = JSON.parse(line) as { readonly port: number }
  const received: Array<string> = []
  const client = yield* network.udp({}, (bytes) => received.push(Buffer.from(bytes).toString()))
  const send = (text: string) => client.send(new TextEncoder().encode(text), { address: "127.0.0.1", port })
  yield* Effect.forEach(payloads, send, { discard: true })
  while (!received.includes("end")) yield* Effect.andThen(send("end"), turns(20))
  const { code, stderr } = yield* proxy.shutdown
  assert.strictEqual(code, 0, stderr)
  const read = yield* Cli.runInProcess(["capture", "read", "--json", file])
  const packets = read.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Shown)
  return { stderr, packets, file, port, received }
})

describe("impair --capture", () => {
  const texts = Array.from({ length: 60 }, (_, i) => `number ${i}`)

  for (const [flags, said] of [
    [["--plan", "drop=10%", "--seed", "7"], /; faults: drop=10% (\d+) times"[^\n]*\n$/],
    [["--plan", "", "--faults", "drop=10%", "--fault-seed", "7"], /faults applied: drop=10% (\d+) times"/]
  ] as const) {
    it.live(`${flags.join(" ")} captures each datagram once, and marks those that were dropped`, () =>
      Effect.gen(function* () {
        const { file, received, packets, port, stderr } = yield* exchange(texts, ...flags)
        const dropped = Number(said.exec(stderr)?.[1])
        const marked = packets.filter(({ comments }) => comments.includes("drop"))
        assert.isAbove(dropped, 2)
        assert.strictEqual(marked.length, dropped)
        assert.isTrue(marked.every(({ comments }) => comments.join() === "drop,lost"))
        // A datagram passes four points, in to the proxy, out to the server, in from it, out to the client, until it is
        // lost.
        for (const text of texts) {
          const seen = packets.filter(({ summary }) => summary === JSON.stringify(text))
          const lost = seen.filter(({ comments }) => comments.length > 0)
          assert.strictEqual(lost.length, received.includes(text) ? 0 : 1)
          assert.isTrue(received.includes(text) ? seen.length === 4 : seen.at(-1) === lost[0])
        }
        const [ins, outs] = [
          marked.filter(({ to }) => to.port === port),
          marked.filter(({ from }) => from.port === port)
        ]
        assert.isAbove(ins.length, 0)
        assert.isAbove(outs.length, 0)
        if (!has("tshark")) return
        const args = ["-r", file, "-Y", 'frame.comment contains "drop"']
        const tshark = ChildProcess.spawnSync("tshark", args, { encoding: "utf8" })
        assert.strictEqual(tshark.stdout.trim().split("\n").length, dropped)
      }).pipe(Effect.scoped, Effect.provide(here))
    )
  }

  it.live("warns that it does not mark the faults of --plan if --faults is given", () =>
    Effect.gen(function* () {
      const { packets, stderr } = yield* exchange(["one"], "--plan", "drop=#1", "--faults", "dup=#1000")
      assert.include(stderr, "the capture marks only the faults of --faults, not those of --plan")
      assert.isTrue(packets.every(({ comments }) => comments.length === 0))
    }).pipe(Effect.scoped, Effect.provide(here))
  )

  it.live("dissects packets of the services, for plans and captures", () =>
    Effect.gen(function* () {
      const [request, oack] = ["\0\u0001boot\0octet\0", "\0\u0006blksize\x00512\0"] as const
      const { packets, stderr } = yield* exchange(
        [request, oack, "else"],
        "--plan",
        "drop=#1 kind=OACK, dup=#1 kind=RRQ"
      )
      assert.match(stderr, /; faults: drop=#1 kind=OACK once, dup=#1 kind=RRQ once"[^\n]*\n$/)
      const marked = packets.filter(({ comments }) => comments.length > 0)
      assert.deepStrictEqual(
        marked.map(({ comments, summary }) => [summary, ...comments]),
        [
          ["RRQ boot octet", "dup"],
          ["OACK blksize=512", "drop", "lost"]
        ]
      )
    }).pipe(Effect.scoped, Effect.provide(here))
  )
})
