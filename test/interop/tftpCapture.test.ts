/** Wireshark's own reader judges what we capture of TFTP: every packet is one, whole and with the right checksum. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Capture from "../../src/capture/Capture.ts"
import type * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as FaultPlanSyntax from "../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../src/simulation/impairment/Impairment.ts"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"
import { assertNoLeaks } from "../support/Handles.ts"
import { Hosts, pseudoRandomBytes } from "../support/Hosts.ts"
import * as Lab from "../support/tftp/TftpLab.ts"
import * as Peers from "../support/tftp/TftpPeers.ts"

const has = (command: string) => ChildProcess.spawnSync(command, ["--version"]).error === undefined
const missing = [has("tshark") ? [] : "tshark", Peers.isInstalled("curl") ? [] : "curl"].flat()

const blocks = 21
const content = pseudoRandomBytes((blocks - 1) * 512 + 100)

/** As tshark writes them. */
const Opcode = { RRQ: "1", WRQ: "2", DATA: "3", ACK: "4", OACK: "6" } as const

const fields = {
  protocols: "frame.protocols",
  ip: "ip.checksum.status",
  udp: "udp.checksum.status",
  opcode: "tftp.opcode",
  block: "tftp.block",
  bytes: "data.data",
  malformed: "_ws.malformed",
  expert: "_ws.expert.message",
  comment: "frame.comment"
} as const

type Row = Readonly<Record<keyof typeof fields, string>>

/** What tshark makes of a capture, a row to a packet; the port of the server is all it is told. */
const read = (file: string, port: number): ReadonlyArray<Row> => {
  const { status, stderr, stdout } = ChildProcess.spawnSync(
    "tshark",
    [
      ...["-r", file, "-n", "-d", `udp.port==${port},tftp`, "-T", "fields"],
      ...["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"],
      ...Object.values(fields).flatMap((name) => ["-e", name])
    ],
    { encoding: "utf8", maxBuffer: 2 ** 28 }
  )
  assert.strictEqual(status, 0, stderr)
  const rows = stdout.split("\n").filter((line) => line !== "")
  return rows.map((line) => {
    const values = line.split("\t")
    return Object.fromEntries(Object.keys(fields).map((name, index) => [name, values[index]])) as Row
  })
}

/** What is remarked of ports from 33434 on, which an ephemeral port may be: traceroute uses them. */
const traceroute = /(^|,)Possible traceroute: hop #\d+, attempt #\d+/g

const remarks = (expert: string) => expert.replaceAll(traceroute, "").replace(/^,/, "")

/** Every packet is a sound one of TFTP; the only thing to remark is what a fault did to it. */
const assertSound = (rows: ReadonlyArray<Row>) => {
  const wrong = rows.filter(
    ({ comment, expert, ip, malformed, protocols, udp }) =>
      !/^raw:ip:udp:tftp(:data)?$/.test(protocols) ||
      malformed !== "" ||
      ip !== "1" ||
      udp !== "1" ||
      remarks(expert) !== comment
  )
  assert.deepStrictEqual(wrong, [])
}

/** The file that the DATA of a transfer carry, each block counted once. */
const fileOf = (rows: ReadonlyArray<Row>) => {
  const data = rows.filter(({ opcode }) => opcode === Opcode.DATA)
  const blocks = [...new Map(data.map(({ block, bytes }) => [Number(block), bytes]))].sort(([a], [b]) => a - b)
  return Buffer.from(blocks.map(([, hex]) => hex).join(""), "hex")
}

/** A capture of a get and then a put of the same bytes: both are all there, and acknowledged. */
const assertBoth = (file: string, port: number) => {
  const rows = read(file, port)
  assertSound(rows)
  const middle = rows.findIndex(({ opcode }) => opcode === Opcode.WRQ)
  const transfers = [rows.slice(0, middle), rows.slice(middle)]
  assert.deepStrictEqual(
    transfers.map(([first]) => first?.opcode),
    [Opcode.RRQ, Opcode.WRQ]
  )
  for (const transfer of transfers) {
    assert.isTrue(fileOf(transfer).equals(content))
    assert.isTrue(transfer.some(({ opcode }) => opcode === Opcode.OACK))
    assert.isTrue(transfer.some(({ block, opcode }) => opcode === Opcode.ACK && block === `${blocks}`))
  }
  return rows
}

/** A get and a put of ours, one after the other, on a network that is captured. */
const exchange = Effect.fnUntraced(function* (network: (file: string) => Layer.Layer<Network.Network, unknown>) {
  const { path } = yield* directory()
  const file = Path.join(path, "out.pcapng")
  const port = yield* Effect.gen(function* () {
    const { endpoint, files } = yield* Lab.serve({ files: { f: content } })
    const options = { blksize: 512, windowsize: 4 }
    assert.deepStrictEqual(yield* Lab.get(endpoint, "f", options), content)
    yield* Lab.put(endpoint, "g", content, options)
    assert.deepStrictEqual(files.get("g"), content)
    return endpoint.port
  }).pipe(Effect.scoped, Effect.provide(Hosts.one(network(file)), { local: true }), Lab.quietly, assertNoLeaks)
  return assertBoth(file, port)
}, Effect.scoped)

const captured = (file: string) => Capture.layer(file).pipe(Layer.provide([NodeNetwork.layer, NodeFileSystem.layer]))

/** As the command does with `--faults` and `--capture`. */
const spoiled = (plan: string) => (file: string) =>
  Layer.unwrap(
    Effect.map(Capture.toFile(file), (tap) =>
      Impairment.layer(FaultPlanSyntax.parseUnsafe(plan), { seed: 1, observer: { tap, wrap: Capture.wrap } })
    )
  ).pipe(Layer.provide([NodeNetwork.layer, NodeFileSystem.layer]))

const title = `TFTP for tshark${missing.length === 0 ? "" : ` (skipped: ${missing.join(" and ")} not installed)`}`

describe.skipIf(missing.length > 0)(title, () => {
  it.live("a get and a put of ours", () =>
    Effect.gen(function* () {
      const rows = yield* exchange(captured)
      assert.isTrue(rows.every(({ comment }) => comment === ""))
    })
  )

  it.live("a get and a put of ours on a bad network: what is lost, late and doubled is marked", () =>
    Effect.gen(function* () {
      const rows = yield* exchange(
        spoiled("drop=5%, drop=#4, dup=#9, drop=#15, reorder=#22, drop=#33, delay=#36 3ms, dup=#40")
      )
      const comments = new Set(rows.map(({ comment }) => comment.replace(/[ =].*/, "")))
      for (const comment of ["drop,lost", "dup", "reorder", "delay"])
        assert.isTrue(comments.has(comment), [...comments].join("; "))
    })
  )

  it.live("curl at our command", () =>
    Effect.gen(function* () {
      const { inRoot, path, root } = yield* directory()
      const file = Path.join(path, "out.pcapng")
      const local = Path.join(path, "local")
      Fs.writeFileSync(inRoot("f"), content)
      const server = yield* Cli.serve(["tftp", "serve", "--root", root, "--write", "create", "--capture", file])
      const job = { address: "127.0.0.1", port: server.port, local, blksize: 512 }
      for (const more of [{ verb: "get", remote: "f" } as const, { verb: "put", remote: "g" } as const]) {
        const { code, stderr } = yield* Peers.execute(Peers.commandOf("curl", { ...job, ...more }))
        assert.strictEqual(code, 0, stderr)
      }
      assert.isTrue(Fs.readFileSync(inRoot("g")).equals(content))
      yield* server.kill("SIGTERM")
      const { code, stderr } = yield* server.ended
      assert.strictEqual(code, 0, stderr)
      assertBoth(file, server.port)
    }).pipe(Effect.scoped)
  )
})
