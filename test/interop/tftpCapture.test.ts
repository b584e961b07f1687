/** Captures of TFTP read by tshark: every packet is complete and has correct checksums. */
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
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpPeers from "../support/tftp/TftpPeers.ts"

const has = (command: string) => ChildProcess.spawnSync(command, ["--version"]).error === undefined
const missing = [has("tshark") ? [] : "tshark", TftpPeers.isInstalled("curl") ? [] : "curl"].flat()

const blocks = 21
const content = pseudoRandomBytes((blocks - 1) * 512 + 100)

/** The opcodes as printed by tshark. */
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

/** Reads a capture by tshark, one row per packet, with the port of the server decoded as TFTP. */
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

/** The remark of tshark on ports from 33434 on, which traceroute uses and ephemeral ports may be. */
const traceroute = /(^|,)Possible traceroute: hop #\d+, attempt #\d+/g

const remarks = (expert: string) => expert.replaceAll(traceroute, "").replace(/^,/, "")

/** Asserts that every packet is valid TFTP, and that the only remark is the fault applied to it. */
const assertValid = (rows: ReadonlyArray<Row>) => {
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

/** Returns the file in the DATA packets of a transfer, each block once. */
const fileOf = (rows: ReadonlyArray<Row>) => {
  const data = rows.filter(({ opcode }) => opcode === Opcode.DATA)
  const blocks = [...new Map(data.map(({ block, bytes }) => [Number(block), bytes]))].sort(([a], [b]) => a - b)
  return Buffer.from(blocks.map(([, hex]) => hex).join(""), "hex")
}

/** Asserts that a capture has a complete get and then a complete put of the same bytes. */
const assertBoth = (file: string, port: number) => {
  const rows = read(file, port)
  assertValid(rows)
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

/** Runs a get and then a put on a captured network. */
const exchange = Effect.fnUntraced(function* (network: (file: string) => Layer.Layer<Network.Network, unknown>) {
  const { path } = yield* directory()
  const file = Path.join(path, "out.pcapng")
  const port = yield* Effect.gen(function* () {
    const { endpoint, files } = yield* TftpHosts.serve({ files: { f: content } })
    const options = { blksize: 512, windowsize: 4 }
    assert.deepStrictEqual(yield* TftpHosts.get(endpoint, "f", options), content)
    yield* TftpHosts.put(endpoint, "g", content, options)
    assert.deepStrictEqual(files.get("g"), content)
    return endpoint.port
  }).pipe(Effect.scoped, Effect.provide(Hosts.one(network(file)), { local: true }), TftpHosts.quietly, assertNoLeaks)
  return assertBoth(file, port)
}, Effect.scoped)

const captured = (file: string) => Capture.layer(file).pipe(Layer.provide([NodeNetwork.layer, NodeFileSystem.layer]))

/** Makes a network with faults and a capture, as `--faults` and `--capture` do. */
const impaired = (plan: string) => (file: string) =>
  Layer.unwrap(
    Effect.map(Capture.toFile(file), (tap) =>
      Impairment.layer(FaultPlanSyntax.parseUnsafe(plan), { seed: 1, observer: { tap, wrap: Capture.wrap } })
    )
  ).pipe(Layer.provide([NodeNetwork.layer, NodeFileSystem.layer]))

const title = `A capture of TFTP, read by tshark${missing.length === 0 ? "" : ` (skipped: ${missing.join(" and ")} not installed)`}`

describe.skipIf(missing.length > 0)(title, () => {
  it.live("shows a get and a put", () =>
    Effect.gen(function* () {
      const rows = yield* exchange(captured)
      assert.isTrue(rows.every(({ comment }) => comment === ""))
    })
  )

  it.live("marks lost, delayed, reordered and duplicated packets", () =>
    Effect.gen(function* () {
      const rows = yield* exchange(
        impaired("drop=5%, drop=#4, dup=#9, drop=#15, reorder=#22, drop=#33, delay=#36 3ms, dup=#40")
      )
      const comments = new Set(rows.map(({ comment }) => comment.replace(/[ =].*/, "")))
      for (const comment of ["drop,lost", "dup", "reorder", "delay"])
        assert.isTrue(comments.has(comment), [...comments].join("; "))
    })
  )

  it.live("shows transfers of curl with `tftp serve --capture`", () =>
    Effect.gen(function* () {
      const { inRoot, path, root } = yield* directory()
      const file = Path.join(path, "out.pcapng")
      const local = Path.join(path, "local")
      Fs.writeFileSync(inRoot("f"), content)
      const server = yield* Cli.serveInProcess([
        "tftp",
        "serve",
        "--root",
        root,
        "--write",
        "create",
        "--capture",
        file
      ])
      const job = { address: "127.0.0.1", port: server.port, local, blksize: 512 }
      for (const more of [{ verb: "get", remote: "f" } as const, { verb: "put", remote: "g" } as const]) {
        const { code, stderr } = yield* TftpPeers.execute(TftpPeers.commandOf("curl", { ...job, ...more }))
        assert.strictEqual(code, 0, stderr)
      }
      assert.isTrue(Fs.readFileSync(inRoot("g")).equals(content))
      const { code, stderr } = yield* server.shutdown
      assert.strictEqual(code, 0, stderr)
      assertBoth(file, server.port)
    }).pipe(Effect.scoped)
  )
})
