/** Games and packets that stand still, for the tests of their views in a browser. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Arrow } from "../../../src/web/Arrow.ts"
import type * as GameSessions from "../../../src/web/games/GameSessions.ts"
import type { BoardView, GameView, Packets } from "../../../src/web/PageRpc.ts"
import type * as PacketWatch from "../../../src/web/packets/PacketWatch.ts"
import { atMillis } from "./MadeUpState.ts"

const board: BoardView = {
  grid: Array.from({ length: 8 }, (_, row) =>
    Array.from({ length: 8 }, (_, column) => ((row * column + row) % 5 === 0 ? (row + column) % 4 : 0))
  ),
  messages: ["player 2 has claimed 3 4", "player 3 has claimed row 5", "player 1 has swapped 0 0 and 3 4"]
}

const views: Readonly<Record<string, GameView>> = {
  board: { _tag: "Board", player: 1, board },
  hangman: {
    _tag: "Hangman",
    word: "n-tw-rk",
    lives: 4,
    initialLives: 7,
    tried: "aintrwkz",
    message: ["no a in the word"],
    prompt: "guess"
  },
  guess: {
    _tag: "Guess",
    min: 376,
    max: 499,
    guesses: [
      { text: "500", verdict: "too large" },
      { text: "250", verdict: "too small" },
      { text: "375", verdict: "too small" }
    ]
  }
}

const still = <A>(...values: ReadonlyArray<A>): Stream.Stream<A> =>
  Stream.concat(Stream.fromIterable(values), Stream.never)

/** Games that stay as they are. Lines are accepted. */
export const games: GameSessions.GameSessions = {
  register: () => Effect.void,
  board: () => still(board),
  play: (service) => still<GameView>({ _tag: "Started", session: 1 }, views[service]!),
  say: () => Effect.void
}

const client = "127.0.0.1:50123"
const server = "127.0.0.1:6969"
const transferPort = "127.0.0.1:41877"

const packets: ReadonlyArray<readonly [fromClient: boolean, port: string, kind: string, label: string, bytes: number]> =
  [
    [true, server, "RRQ", "RRQ pxelinux.0, octet, blksize 1468", 46],
    [false, transferPort, "OACK", "OACK blksize 1468", 15],
    [true, transferPort, "ACK", "ACK block 0", 4],
    [false, transferPort, "DATA", "DATA block 1, 1468 bytes", 1_472],
    [true, transferPort, "ACK", "ACK block 1", 4],
    [false, transferPort, "DATA", "DATA block 2, 1468 bytes", 1_472],
    [false, transferPort, "DATA", "DATA block 2, 1468 bytes, again", 1_472],
    [true, transferPort, "ACK", "ACK block 2", 4],
    [false, transferPort, "DATA", "DATA block 3, 212 bytes", 216],
    [true, transferPort, "ACK", "ACK block 3", 4]
  ]

const arrows: ReadonlyArray<Arrow> = packets.map(([fromClient, port, kind, label, bytes], at) => ({
  number: at + 1,
  from: fromClient ? client : port,
  to: fromClient ? port : client,
  sentMillis: atMillis + 40 * at,
  lost: false,
  transport: "udp",
  kind,
  label,
  bytes
}))

const batch: Packets = { arrows, omitted: 12 }

/** Packets that were sent before the test. */
export const watch: Pick<PacketWatch.PacketWatch, "watch"> = { watch: () => still(batch) }
