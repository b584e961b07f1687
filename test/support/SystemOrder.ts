/** Order of addresses of the GNU libc, for comparison. */
import { execFileSync, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as NetAddress from "effect/net/NetAddress"

const ip = NetAddress.ipFromStringUnsafe

/** Destinations of every scope and label, of which the last two are near this host. */
export const pool = [
  "127.0.0.1",
  "127.0.0.7",
  "10.1.2.3",
  "10.1.2.200",
  "10.1.77.1",
  "10.99.0.1",
  "169.254.7.7",
  "172.16.5.5",
  "192.168.9.9",
  "198.51.100.7",
  "203.0.113.9",
  "8.8.8.8",
  "224.0.0.251",
  "0.0.0.0",
  "::1",
  "2001:db8:1::7",
  "2001:db8:1:0:8000::1",
  "2001:db8:2::7",
  "2001:db8:ffff::1",
  "2001:db8:9::1",
  "2a00:1450::5",
  "2002:c633:6401::1",
  "2002:a01:203::1",
  "2001:0:4136::1",
  "fd00::7",
  "fd00::1:0:0:7",
  "fd12:3456::1",
  "fe80::1234",
  "fec0::5",
  "3ffe:831::1",
  "::10.1.2.3",
  "ff02::1",
  "ff05::2",
  "ff0e::3"
]

/** Returns small sets of the pool in pseudorandom order, always the same ones. */
export const makeSets = (addresses: ReadonlyArray<string>, count: number): ReadonlyArray<ReadonlyArray<string>> => {
  let state = 20_120_901
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  return Array.from({ length: count }, () => {
    const rest = [...addresses]
    return Array.from({ length: 2 + next(7) }, () => rest.splice(next(rest.length), 1)[0]!)
  })
}

/**
 * Returns the order of getaddrinfo for each set. One process resolves all of them, in a private mount namespace with
 * its own hosts file and gai.conf (by default an empty one: the built-in table). `prepare` runs before.
 */
export const systemOrder = (
  sets: ReadonlyArray<ReadonlyArray<string>>,
  options: {
    readonly gaiConf?: string
    readonly prepare?: string
    readonly unshare?: string
  }
) => {
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "address-order-"))
  try {
    const hosts = sets.flatMap((set, i) => set.map((address) => `${address} set${i}.test`)).join("\n")
    Fs.writeFileSync(Path.join(folder, "hosts"), `${hosts}\n`)
    Fs.writeFileSync(Path.join(folder, "gai.conf"), options.gaiConf ?? "")
    const script = [
      "set -e",
      `mount --bind ${folder}/hosts /etc/hosts`,
      `mount --bind ${folder}/gai.conf /etc/gai.conf`,
      options.prepare ?? "",
      `getent -A -s files ahosts ${sets.map((_, i) => `set${i}.test`).join(" ")}`
    ].join("\n")
    const output = execFileSync("unshare", [options.unshare ?? "-m", "sh", "-c", script], { encoding: "utf8" })
    const [routes = "", answers = ""] = output.includes("--\n") ? output.split("--\n") : ["", output]
    const found: Array<Array<string>> = []
    // An address has three lines, one for each socket type; the first line of a name has the name.
    for (const line of answers.trim().split("\n")) {
      const [address, socktype, name] = line.split(/\s+/)
      if (name !== undefined && name !== "") found.push([])
      if (socktype === "STREAM") found.at(-1)!.push(NetAddress.formatIp(ip(address!)))
    }
    return { routes: routes.trim().split("\n"), found }
  } finally {
    Fs.rmSync(folder, { recursive: true })
  }
}

/** Tests if a command ends with 0. */
export const works = (command: string, args: ReadonlyArray<string>) => spawnSync(command, [...args]).status === 0
/** Reason to skip the comparison, after a space; empty if there is none. */
export const missing = !works("unshare", ["-m", "mount", "--bind", "/tmp", "/tmp"])
  ? " (skipped: no right to a mount namespace)"
  : !/glibc|gnu libc/i.test(String(spawnSync("getent", ["--version"]).stdout))
    ? " (skipped: no getent of the GNU libc)"
    : !Fs.existsSync("/etc/gai.conf")
      ? " (skipped: no /etc/gai.conf to cover)"
      : ""
