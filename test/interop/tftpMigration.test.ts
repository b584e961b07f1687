/** The tables of the guide for who comes from another server: with its flag and with ours a client sees the same. */
import * as Fs from "node:fs"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as Cli from "../support/Cli.ts"
import { directory } from "../support/Directory.ts"
import { Hosts } from "../support/Hosts.ts"
import * as TftpPeers from "../support/tftp/TftpPeers.ts"
import * as TftpTranscript from "../support/tftp/TftpTranscript.ts"

interface Row {
  readonly server: TftpPeers.Server
  readonly theirs: ReadonlyArray<string>
  readonly ours: ReadonlyArray<string>
  /** Conversations of new clients; `ROOT` is the directory. */
  readonly lines: ReadonlyArray<string>
  /** Rules of `--rules`, and of the flag of atftpd that is like it. */
  readonly rules?: string | undefined
  readonly patterns?: string | undefined
}

const files = {
  f: "hello\n",
  x: "shared",
  "127.0.0.1/x": "own",
  "Big/LETTERS": "capitals",
  "boot/bcd": "lower",
  "master.conf": "the master"
}

const bye = (peer: string) => `${peer}> ERROR 0 bye`

/** A request that is answered by a packet, after which the client ends. */
const ask = (peer: string, request: string, reply: string) => [
  `${peer}> RRQ ${request}`,
  `${peer}< ${reply}`,
  bye(peer)
]

const refused = (peer: string, request: string, code: number) => [`${peer}> RRQ ${request}`, `${peer}< ERROR ${code}`]

const rows: ReadonlyArray<Row> = [
  {
    ...{ server: "tftpd-hpa", theirs: ["--refuse", "blksize", "--refuse", "utimeout"] },
    ours: ["--refuse", "blksize,utimeout"],
    lines: [
      ...ask("a", "f octet blksize=1000 tsize=0 timeout=2", "OACK tsize=6 timeout=2"),
      ...ask("b", "f octet utimeout=2000000", "DATA 1 6")
    ]
  },
  {
    ...{ server: "tftpd-hpa", theirs: ["--blocksize", "1468"], ours: ["--mtu", "1500"] },
    lines: ask("a", "f octet blksize=65464", "OACK blksize=1468")
  },
  {
    ...{ server: "tftpd-hpa", theirs: ["--umask", "0"], ours: ["--write", "overwrite", "--umask", "0"] },
    lines: ["a> WRQ new octet", "a< ACK 0", "a> DATA 1 3", "a< ACK 1", ...refused("b", "ROOT/f octet", 1)]
  },
  {
    ...{ server: "atftpd", theirs: ["--no-windowsize", "--no-timeout"], ours: ["--refuse", "windowsize,timeout"] },
    lines: ask("a", "f octet blksize=1000 windowsize=4 timeout=2", "OACK blksize=1000")
  },
  {
    ...{ server: "atftpd", theirs: [], ours: [], rules: "r ^/?PATH/" },
    lines: [...ask("a", "ROOT/f octet", "DATA 1 6"), ...ask("b", "f octet", "DATA 1 6")]
  },
  {
    ...{ server: "atftpd", theirs: [], patterns: "^\\w*\\.conf$ master.conf", ours: [] },
    rules: "rG ^[[:alnum:]_]*\\.conf$ master.conf",
    lines: [...ask("a", "x.conf octet", "DATA 1 10"), ...refused("b", "x.cnf octet", 1)]
  },
  {
    ...{ server: "dnsmasq", theirs: [], ours: [], rules: "r ^/?PATH/" },
    lines: [...ask("a", "ROOT/f octet", "DATA 1 6"), ...ask("b", "/f octet", "DATA 1 6")]
  },
  {
    ...{ server: "dnsmasq", theirs: ["--tftp-mtu=1500", "--tftp-no-blocksize"], ours: ["--refuse", "blksize"] },
    lines: ask("a", "f octet blksize=65464 tsize=0", "OACK tsize=6")
  },
  {
    ...{ server: "dnsmasq", theirs: ["--tftp-unique-root=ip"], ours: ["--per-client", "first"] },
    lines: ask("a", "x octet", "DATA 1 3")
  },
  {
    // The client has a folder: dnsmasq serves it nothing else.
    ...{ server: "dnsmasq", theirs: ["--tftp-unique-root=ip"], ours: ["--per-client", "only"] },
    lines: [...ask("a", "x octet", "DATA 1 3"), ...refused("b", "f octet", 1)]
  },
  {
    ...{ server: "dnsmasq", theirs: ["--tftp-lowercase"], ours: [], rules: "r .* \\L\\0" },
    lines: [...ask("a", "Boot/BCD octet", "DATA 1 5"), ...refused("b", "Big/LETTERS octet", 1)]
  }
]

/** Serves files by a server, and plays the lines of a row with it. */
const play = ({ lines }: Row, root: string, endpoint: TftpPeers.Endpoint) =>
  Effect.gen(function* () {
    const talk = yield* TftpTranscript.open({ endpoint, content: undefined })
    yield* talk.play(...lines.map((line) => line.replace("ROOT", root)))
  }).pipe(Effect.scoped, Effect.provide(Hosts.one(NodeNetwork.layer)))

const nameOf = ({ ours, patterns, rules, server, theirs }: Row) =>
  `${[server, ...theirs, ...(patterns === undefined ? [] : ["--pcre"])].join(" ")} is ${[...ours, ...(rules === undefined ? [] : [`--rules ${JSON.stringify(rules)}`])].join(" ") || "the default"}`

describe("moving from another TFTP server", () => {
  for (const row of rows) {
    const reason = TftpPeers.skipReason(row.server)
    const test = reason === undefined ? it.live : it.live.skip
    test(`${nameOf(row)}${reason === undefined ? "" : ` (skipped: ${reason})`}`, () =>
      Effect.gen(function* () {
        const { inRoot, path, root } = yield* directory(files)
        for (const folder of [path, root]) Fs.chmodSync(folder, 0o755)
        const [rules, patterns] = [`${path}/rules`, `${path}/patterns`]
        Fs.writeFileSync(rules, `${(row.rules ?? "").replace("PATH", root.slice(1))}\n`)
        Fs.writeFileSync(patterns, `${row.patterns ?? ""}\n`)
        const more = row.patterns === undefined ? row.theirs : [...row.theirs, "--pcre", patterns]
        yield* Effect.scoped(
          Effect.flatMap(TftpPeers.start(row.server, root, more), (endpoint) => play(row, root, endpoint))
        )
        Fs.rmSync(inRoot("new"), { force: true })
        const flags = row.rules === undefined ? row.ours : [...row.ours, "--rules", rules]
        yield* Effect.scoped(
          Effect.flatMap(Cli.serveInProcess(["tftp", "serve", "--root", root, ...flags]), ({ port }) =>
            play(row, root, { address: "127.0.0.1", port })
          )
        )
      }).pipe(Effect.scoped))
  }
})
