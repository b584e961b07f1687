import * as Fs from "node:fs/promises"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import { suite } from "../../suites/network/Network.ts"
import type { UnixPaths } from "../../suites/network/Subject.ts"
import { Hosts } from "../../support/Hosts.ts"

const interfaces = Object.values(Os.networkInterfaces()).flatMap((all = []) => all)
const hasIpv6 = interfaces.some(({ address }) => address === "::1")
const outer = interfaces.find(({ family, internal }) => family === "IPv4" && !internal)?.address
const group = "239.255.71.3"

const unix: UnixPaths = {
  directory: Effect.acquireRelease(
    Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "inet-"))),
    (directory) => Effect.promise(() => Fs.rm(directory, { recursive: true }))
  ),
  // The file is renamed while a server listens on it, so that the server does not remove it.
  stale: (path) =>
    Effect.promise(async () => {
      const server = Net.createServer()
      await new Promise<void>((resolve) => server.listen(`${path}~`, resolve))
      await Fs.rename(`${path}~`, path)
      await new Promise((resolve) => server.close(resolve))
    }),
  file: (path) => Effect.promise(() => Fs.writeFile(path, "")),
  exists: (path) =>
    Effect.promise(() =>
      Fs.stat(path).then(
        () => true,
        () => false
      )
    )
}

suite({
  name: "NodeNetwork",
  layer: Hosts.one(NodeNetwork.layer),
  real: true,
  ipv6: hasIpv6 ? { server: "::1", client: "::1" } : undefined,
  unix: process.platform === "win32" ? undefined : unix,
  broadcast: process.platform === "linux" ? "127.255.255.255" : undefined,
  multicast: { group, interface: "127.0.0.1" },
  silence: outer === undefined ? undefined : { group, interface: outer },
  reusePort: process.platform === "linux" ? true : undefined
})
