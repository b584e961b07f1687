/** The differences between `resolve` and getent(1): each row of the table in docs/guide/names.md. */
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Directory from "../support/Directory.ts"
import { inet } from "../support/Shell.ts"
import { missing, works } from "../support/SystemOrder.ts"

const noNamespace =
  missing ||
  (works("unshare", ["-mn", "ip", "link", "add", "v0", "type", "veth"])
    ? ""
    : " (skipped: no veth in a network namespace)")

const guide = Path.resolve(import.meta.dirname, "../../docs/guide/names.md")

const spans = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!)

/** A row: the query, lines of a hosts or services file, and the expected output of both. */
interface Row {
  readonly database: string
  readonly key: string
  readonly lines: ReadonlyArray<string>
  readonly theirs: ReadonlyArray<string>
  readonly ours: ReadonlyArray<string>
}

const rows = Fs.readFileSync(guide, "utf8")
  .split("## Differences from getent")[1]!
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .slice(1)
  .map((line): Row => {
    const [query = "", theirs = "", ours = ""] = line.slice(2).split(" | ")
    const [first = "", ...lines] = spans(query)
    const [database = "", key = ""] = first.split(" ")
    return { database, key, lines, theirs: spans(theirs), ours: spans(ours) }
  })

const unique = (all: ReadonlyArray<string>) => [...new Set(all.filter((one) => one !== ""))]

/** Returns what getent prints: addresses, or ports with their protocols. */
const parseTheirs = (database: string, output: string) =>
  unique(output.split("\n").map((line) => line.split(/\s+/)[database === "ahosts" ? 0 : 1] ?? ""))

const parseOurs = (database: string, output: string) => {
  if (database !== "ahosts") {
    const lines = output.split("\n").filter((line) => line !== "")
    return lines
      .map((line) => JSON.parse(line) as { port: number; protocol: string })
      .map((one) => `${one.port}/${one.protocol}`)
  }
  return output === "" ? [] : unique((JSON.parse(output) as Array<{ address: string }>).map(({ address }) => address))
}

describe("resolve and services", () => {
  it.live.skipIf(noNamespace !== "")(`differ from getent as the guide says${noNamespace}`, () =>
    Effect.gen(function* () {
      const { inRoot } = yield* Directory.directory({
        hosts: [
          "127.0.0.1 localhost",
          ...rows.filter(({ database }) => database === "ahosts").flatMap(({ lines }) => lines)
        ].join("\n"),
        services: rows
          .filter(({ database }) => database === "services")
          .flatMap(({ lines }) => lines)
          .join("\n"),
        "gai.conf": "",
        "nsswitch.conf": "hosts: files\nservices: files\n"
      })
      const queries = rows.flatMap(({ database, key }, i) => [
        `getent ${database === "ahosts" ? "-A ahosts" : database} '${key}' > ${inRoot(`${i}.theirs`)} || true`,
        `${inet} ${database === "ahosts" ? "resolve" : "services"} '${key}' --json > ${inRoot(`${i}.ours`)} 2> /dev/null || true`
      ])
      const script = [
        "set -e",
        ...["hosts", "services", "gai.conf", "nsswitch.conf"].map(
          (name) => `mount --bind ${inRoot(name)} /etc/${name}`
        ),
        "ip link set lo up",
        "ip link add v0 type veth peer name v1",
        "ip link set v0 up",
        "ip link set v1 up",
        "ip addr add 192.0.2.5/24 dev v0",
        "ip addr add fd12::5/64 dev v0 nodad",
        ...queries
      ].join("\n")
      execFileSync("unshare", ["-mn", "sh", "-c", script])
      const output = (i: number, of: string) => Fs.readFileSync(inRoot(`${i}.${of}`), "utf8").trim()
      assert.isAtLeast(rows.length, 9)
      for (const [i, { database, key, ours, theirs }] of rows.entries()) {
        assert.deepStrictEqual(parseTheirs(database, output(i, "theirs")), theirs, `getent ${database} ${key}`)
        assert.deepStrictEqual(parseOurs(database, output(i, "ours")), ours, `effect-inet, as ${database} ${key}`)
      }
    }).pipe(Effect.scoped)
  )
})
