/** Interoperability of the TFTP server with the clients of this machine. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as NodeFileStore from "../../src/tftp/store/NodeFileStore.ts"
import type * as Store from "../../src/tftp/store/Store.ts"
import * as TftpServer from "../../src/tftp/TftpServer.ts"
import { directory } from "../support/Directory.ts"
import { assertNoLeaks } from "../support/Handles.ts"
import { pseudoRandomBytes } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpPeers from "../support/tftp/TftpPeers.ts"
import * as TftpTranscript from "../support/tftp/TftpTranscript.ts"

const address = "127.0.0.1"

/** Waits for the end of a number of requests; returns their outcomes. */
const outcomesOf = Effect.fnUntraced(function* (server: TftpServer.Server, requests: number) {
  for (;;) {
    const { failed, finished, malformed, probed, refused } = yield* server.stats
    if (failed + finished + probed + refused >= requests) return { failed, finished, malformed, probed, refused }
    yield* Effect.yieldNow
  }
})

const none = { failed: 0, finished: 0, malformed: 0, probed: 0, refused: 0 }

/** Starts a server over a new directory of files, with another folder for the client. */
const serve = Effect.fnUntraced(function* (
  files: Readonly<Record<string, Uint8Array>>,
  write: Store.WriteMode = "create"
) {
  const { inRoot, path, root } = yield* directory()
  for (const [name, bytes] of Object.entries(files)) Fs.writeFileSync(inRoot(name), bytes)
  const context = yield* Layer.build(
    TftpServer.layer({ port: 0, drain: 0 }).pipe(
      Layer.provide([NodeFileStore.layer({ root, write }), NodeNetwork.layer])
    )
  )
  const server = Context.get(context, TftpServer.TftpServer)
  const job = { address, port: server.address.port }
  /** Waits until the server has ended a number of requests: some clients do not wait for the last ACK. */
  const settled = (requests: number) => outcomesOf(server, requests)
  return {
    job,
    settled,
    inRoot,
    names: () => Fs.readdirSync(root).sort(),
    local: (name: string) => Path.join(path, name)
  }
})

const isolated = <A, E, R>(test: Effect.Effect<A, E, R>) => assertNoLeaks(Effect.scoped(test).pipe(TftpHosts.quietly))

type JobOptions = Pick<TftpPeers.Job, "blksize" | "windowsize" | "plain">

/** The options of each client; by default, curl and busybox request tsize, the others nothing. */
const jobOptions: Readonly<Record<TftpPeers.Client, ReadonlyArray<JobOptions>>> = {
  curl: [{}, { plain: true }, ...[8, 512, 1_428, 65_464].map((blksize) => ({ blksize }))],
  atftp: [
    {},
    ...[1, 4, 16, 64].map((windowsize) => ({ windowsize })),
    { blksize: 8, windowsize: 64 },
    { blksize: 1_428, windowsize: 4 },
    { blksize: 65_464, windowsize: 3 }
  ],
  "tftp-hpa": [{}],
  busybox: [{}, ...[64, 1_428, 65_464].map((blksize) => ({ blksize }))]
}

const sizes = [0, 1, 511, 512, 513, 1_428 * 3, 1_428 * 4, 65_536 * 3 + 7]

/** Returns the sizes of at most 5,000 blocks, as tiny blocks are slow. */
const within = ({ blksize = 512 }: JobOptions) => sizes.filter((size) => size / blksize < 5_000)

/** The output of each client for an ERROR, after its exit code. */
const errorPatterns: Readonly<Record<TftpPeers.Client, (code: 1 | 2 | 6, text: string) => RegExp>> = {
  curl: (code) => new RegExp(`^${{ 1: 68, 2: 69, 6: 73 }[code]} `),
  atftp: (_, text) => new RegExp(`^255 .*error received from server <${text}>`, "s"),
  "tftp-hpa": (code, text) => new RegExp(`^0 Error code ${code}: ${text}`),
  busybox: (code, text) => new RegExp(`^1 .*server error: \\(${code}\\) ${text}`, "s")
}

const execute = (client: TftpPeers.Client, job: TftpPeers.Job) => TftpPeers.execute(TftpPeers.commandOf(client, job))

/** Runs a client, and asserts that it succeeds. */
const succeed = Effect.fnUntraced(function* (client: TftpPeers.Client, job: TftpPeers.Job) {
  const { code, stderr, stdout } = yield* execute(client, job)
  assert.strictEqual(code, 0, `${job.verb} ${job.remote}: ${stdout}${stderr}`)
})

const assertSame = (file: string, bytes: Uint8Array, what: string) =>
  assert.strictEqual(Buffer.compare(Fs.readFileSync(file), bytes), 0, what)

/** Reads and writes files of several lengths; asserts that they are unchanged. */
const readAndWrite = (client: TftpPeers.Client, way: JobOptions, lengths: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const contents = new Map(lengths.map((size) => [`${size}`, pseudoRandomBytes(size)]))
    const { inRoot, job, local, names, settled } = yield* serve(Object.fromEntries(contents))
    const exchange = Effect.fnUntraced(function* ([name, bytes]: readonly [string, Uint8Array]) {
      const remote = `${name}-back`
      yield* succeed(client, { ...job, ...way, verb: "get", remote: name, local: local(name) })
      assertSame(local(name), bytes, `get ${name}`)
      yield* succeed(client, { ...job, ...way, verb: "put", remote, local: local(name) })
    })
    yield* Effect.forEach(contents, exchange, { concurrency: 2, discard: true })
    const requests = 2 * lengths.length
    assert.deepStrictEqual(yield* settled(requests), { ...none, finished: requests })
    for (const [name, bytes] of contents) assertSame(inRoot(`${name}-back`), bytes, `put ${name}`)
    assert.deepStrictEqual(names(), lengths.flatMap((size) => [`${size}`, `${size}-back`]).sort())
  })

const text = new TextEncoder().encode("one\r\ntwo\rthree\n\n\r".repeat(500))

const replaced = (bytes: Uint8Array, ...changes: ReadonlyArray<readonly [RegExp, string]>) =>
  Buffer.from(changes.reduce((one, [pattern, by]) => one.replace(pattern, by), Buffer.from(bytes).toString("latin1")))

/** The files of curl, which requests netascii but does not convert line ends. */
const wire = {
  fetched: replaced(text, [/\r/g, "\r\0"], [/\n/g, "\r\n"]),
  left: replaced(text, [/\r\n/g, "\n"])
}
const same = { fetched: text, left: text }

for (const client of TftpPeers.clients) {
  const reason = TftpPeers.isInstalled(client) ? "" : ` (skipped: ${client} not installed)`
  const live = it.live.skipIf(!TftpPeers.isInstalled(client))

  describe(`TftpServer and ${client}${reason}`, () => {
    for (const way of jobOptions[client]) {
      live(`transfer files both ways with ${JSON.stringify(way)}`, () =>
        isolated(readAndWrite(client, way, within(way)))
      )
    }

    const tiny = {
      curl: { blksize: 8 },
      atftp: { blksize: 8, windowsize: 64 },
      "tftp-hpa": undefined,
      busybox: undefined
    }
    const rolling = tiny[client]
    if (rolling !== undefined) {
      live(`transfer more than 65,535 blocks both ways with ${JSON.stringify(rolling)}`, () =>
        isolated(readAndWrite(client, rolling, [65_600 * 8 + 3]))
      )
    }

    live("report a missing file and refused uploads, and leave no file", () =>
      isolated(
        Effect.gen(function* () {
          const old = pseudoRandomBytes(700)
          const { inRoot, job, local, names, settled } = yield* serve({ f: old })
          const readOnly = yield* serve({}, "none")
          const refused = Effect.fnUntraced(function* (job: TftpPeers.Job, code: 1 | 2 | 6, text: string) {
            const { code: exit, stderr, stdout } = yield* execute(client, job)
            assert.match(`${exit} ${stdout}${stderr}`, errorPatterns[client](code, text))
          })
          const mine = local("mine")
          Fs.writeFileSync(mine, pseudoRandomBytes(3_000, 2))
          yield* refused({ ...job, verb: "get", remote: "none", local: local("new") }, 1, "File not found")
          yield* refused({ ...job, verb: "put", remote: "f", local: mine }, 6, "File already exists")
          yield* refused(
            { ...job, verb: "put", remote: "no/f", local: mine },
            1,
            "Folder not found; the server creates none"
          )
          yield* refused({ ...readOnly.job, verb: "put", remote: "f", local: mine }, 2, "Access violation")
          assertSame(inRoot("f"), old, "the old file")
          assert.deepStrictEqual([names(), readOnly.names()], [["f"], []])
          // tftp-hpa acknowledges the ERROR, which the server counts without a reply. A client on a busy host repeats
          // its request before it reads the ERROR, and is refused again.
          const { failed, finished, refused: refusals } = yield* settled(3)
          assert.deepStrictEqual([failed, finished], [0, 0])
          assert.isAtLeast(refusals, 3)
        })
      )
    )

    const asText = { curl: wire, atftp: same, "tftp-hpa": same, busybox: undefined }[client]
    if (asText !== undefined) {
      live(`transfer netascii both ways${asText === wire ? ", without conversion by the client" : ""}`, () =>
        isolated(
          Effect.gen(function* () {
            const { inRoot, job, local, settled } = yield* serve({ f: text })
            Fs.writeFileSync(local("mine"), text)
            yield* succeed(client, { ...job, verb: "get", remote: "f", local: local("f"), netascii: true })
            assertSame(local("f"), asText.fetched, "get")
            yield* succeed(client, { ...job, verb: "put", remote: "g", local: local("mine"), netascii: true })
            yield* settled(2)
            assertSame(inRoot("g"), asText.left, "put")
          })
        )
      )
    }

    live("accept a name with a leading slash", () =>
      isolated(
        Effect.gen(function* () {
          const content = pseudoRandomBytes(5_000)
          const { inRoot, job, local, names, settled } = yield* serve({ f: content })
          yield* succeed(client, { ...job, verb: "get", remote: "/f", local: local("f") })
          assertSame(local("f"), content, "get")
          yield* succeed(client, { ...job, verb: "put", remote: "/g", local: local("f") })
          yield* settled(2)
          assertSame(inRoot("g"), content, "put")
          assert.deepStrictEqual(names(), ["f", "g"])
        })
      )
    )
  })
}

describe("TftpServer and firmware", () => {
  TftpHosts.real("report a size above 4 GiB, and count a size probe as probed", () =>
    Effect.gen(function* () {
      const { inRoot, root } = yield* directory({ big: "" })
      Fs.truncateSync(inRoot("big"), 5 * 2 ** 30 + 1)
      const { endpoint, server } = yield* TftpHosts.serve({ store: yield* NodeFileStore.make({ root }) })
      const talk = yield* TftpTranscript.open({ endpoint })
      const request = "RRQ big octet tsize=0 blksize=1468"
      const reply = "OACK tsize=5368709121 blksize=1468"
      yield* talk.play(`a> ${request}`, `a< ${reply}`, "a> ERROR 8 Aborted", `b> ${request} windowsize=4`)
      yield* talk.play(`b< ${reply} windowsize=4`, "b> ERROR 8 Aborted")
      assert.deepStrictEqual(yield* outcomesOf(server, 2), { ...none, probed: 2 })
    })
  )
})
