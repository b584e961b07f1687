/**
 * Link-layer addresses (MAC) of clients, from the neighbour table that Linux shows in /proc/net/arp. It has IPv4 only,
 * and only hosts of the networks that this one is in: a client behind a router has the address of the router's host or
 * none.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Endpoint from "../../network/Endpoint.ts"
import * as RegularFile from "../../network/files/RegularFile.ts"

const tablePath = "/proc/net/arp"

/** The largest table that is read: some 60,000 neighbours. */
const maxTableBytes = 8_388_608

/** The time for which a table is kept, in milliseconds: a request costs at most one read a second. */
const maxAgeMillis = 1_000

/** The flag of an entry whose address is known (ATF_COM of linux/if_arp.h). */
const completeFlag = 0x2

/**
 * Parses the table: MAC addresses such as `aa-bb-cc-dd-ee-ff`, by IPv4 address. Entries without an address, and
 * malformed lines, are skipped.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (table: string): ReadonlyMap<string, string> =>
  new Map(
    table.split("\n").flatMap((line) => {
      const [address = "", , flags = "", mac = ""] = line.trim().split(/\s+/)
      const isComplete = (Number(flags) & completeFlag) !== 0
      const isMac = /^(?:[\da-f]{2}:){5}[\da-f]{2}$/i.test(mac) && mac !== "00:00:00:00:00:00"
      return isComplete && isMac ? [[address, mac.toLowerCase().replaceAll(":", "-")] as const] : []
    })
  )

/** Options of `folders`. @category models @since 0.1.0 */
export interface Options {
  /** The file with the table. Default /proc/net/arp. */
  readonly table?: string | undefined
}

/**
 * Makes the folders of clients for `FileStore.perClient`, named after their MAC addresses. A name is such as
 * `aa-bb-cc-dd-ee-ff`, as with `dnsmasq --tftp-unique-root=mac`. A client whose address is unknown has none.
 *
 * **Example** (Configurations by MAC address)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { FileStore, NodeFileStore, NodeNeighbours } from "effect-inet/tftp"
 *
 * const store = Effect.map(
 *   NodeFileStore.make({ root: "/srv/tftp" }),
 *   FileStore.perClient({ folder: NodeNeighbours.folders() })
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const folders = ({
  table = tablePath
}: Options = {}): ((client: Endpoint.Endpoint) => Effect.Effect<string | undefined>) => {
  const read = RegularFile.readText(table, maxTableBytes).pipe(
    Effect.map(parse),
    Effect.orElseSucceed((): ReadonlyMap<string, string> => new Map()),
    Effect.provide(NodeFileSystem.layer)
  )
  let current: ReadonlyMap<string, string> = new Map()
  let readAtMillis = Number.NEGATIVE_INFINITY
  return Effect.fnUntraced(function* ({ address }) {
    const now = yield* Clock.currentTimeMillis
    if (now - readAtMillis >= maxAgeMillis) {
      readAtMillis = now
      current = yield* read
    }
    return current.get(Endpoint.canonical(address))
  })
}
