/** Rows of the page for tests. */
import type * as PageState from "../../../src/web/PageState.ts"

/** Builds a service that runs. */
export const service = (name: string, members: Partial<PageState.Service> = {}): PageState.Service => ({
  name,
  state: "ready",
  address: "127.0.0.1:1067",
  restarts: 0,
  sinceMillis: 0,
  figures: [],
  hasPackets: false,
  canRestart: false,
  ...members
})

/** Builds a connection. */
export const connection = (id: number, members: Partial<PageState.Connection> = {}): PageState.Connection => ({
  service: "rot13",
  id,
  remote: `127.0.0.1:${40_000 + id}`,
  sinceMillis: 0,
  bytesReceived: 0,
  bytesSent: 0,
  ...members
})

/** Builds a number of connections. */
export const connections = (count: number): ReadonlyArray<PageState.Connection> =>
  Array.from({ length: count }, (_, id) => connection(id))

/** Builds a transfer that runs. */
export const transfer = (id: number, members: Partial<PageState.Transfer> = {}): PageState.Transfer => ({
  service: "tftp",
  id,
  direction: "download",
  file: "boot.img",
  client: `127.0.0.1:${50_000 + id}`,
  state: "running",
  startedMillis: 0,
  bytes: 0,
  bytesPerSecond: 0,
  resent: 0,
  blksize: 512,
  windowsize: 1,
  ...members
})
