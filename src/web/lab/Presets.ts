/** Prepared runs of the laboratory: each shows one thing that a course explains. Pure. */
import * as Settings from "./Settings.ts"

/** A prepared run. */
export interface Preset {
  /** Name of the preset in tests and links; never changes. */
  readonly id: string
  readonly title: string
  /** Advice what to look at, in one or two sentences. */
  readonly text: string
  readonly settings: Settings.Settings
}

type Change = Partial<Omit<Settings.Settings, "protocol">>

const settingsOf = (protocol: Settings.Protocol, { choices, ...numbers }: Change): Settings.Settings => {
  const initial = Settings.defaults(protocol)
  return Settings.normalize({ ...initial, lossPercent: 0, ...numbers, choices: { ...initial.choices, ...choices } })
}

const apprentice: Change = { seed: 36, duplicatePercent: 3, choices: { size: "12000" } }

const lostAck: Change = { seed: 14, lossPercent: 10, choices: { messages: "6" } }

const lateFrame: Change = { seed: 26, reorderPercent: 10, choices: { messages: "6" } }

/** The prepared runs, in the order to show. */
export const all: ReadonlyArray<Preset> = [
  {
    id: "lost-ack",
    title: "A lost ACK",
    text: "The message has arrived, but the sender cannot know it: it sends it again, and the number tells the receiver.",
    settings: settingsOf("stop-and-wait", lostAck)
  },
  {
    id: "no-numbers",
    title: "The same losses, without numbers",
    text: "The receiver cannot tell a message that comes again from a new one, and delivers it twice.",
    settings: settingsOf("stop-and-wait", { ...lostAck, choices: { ...lostAck.choices, numbering: "none" } })
  },
  {
    id: "impatient",
    title: "A timeout that is too short",
    text: "Nothing is lost, but the timeout is shorter than the round trip: every message is sent twice.",
    settings: settingsOf("stop-and-wait", { seed: 1, delayMillis: 40, choices: { timeout: "50" } })
  },
  {
    id: "one-bit",
    title: "One bit is not enough",
    text: "A late message has the bit of the one after the next: it is delivered in its place, and message 6 is lost.",
    settings: settingsOf("stop-and-wait", { ...lateFrame, choices: { ...lateFrame.choices, numbering: "bit" } })
  },
  {
    id: "all-numbers",
    title: "The same network, with sequence numbers",
    text: "With all numbers a late message is recognized, however late it is.",
    settings: settingsOf("stop-and-wait", { ...lateFrame, choices: { ...lateFrame.choices, numbering: "number" } })
  },
  {
    id: "apprentice",
    title: "The Sorcerer's Apprentice",
    text: "TFTP of 1981: both ends answer each copy with a copy. After one duplicate, every block is sent twice.",
    settings: settingsOf("tftp", { ...apprentice, choices: { ...apprentice.choices, sender: "rfc783" } })
  },
  {
    id: "apprentice-cured",
    title: "The same duplicates, as RFC 1123 asks",
    text: "The sender ignores an ACK that comes again, and one duplicate stays one duplicate.",
    settings: settingsOf("tftp", { ...apprentice, choices: { ...apprentice.choices, sender: "rfc1350" } })
  },
  {
    id: "window",
    title: "A window of eight blocks",
    text: "Eight blocks are on their way at a time. After a loss the sender goes back to the missing block.",
    settings: settingsOf("tftp", { seed: 1, lossPercent: 5, choices: { size: "30000", windowsize: "8" } })
  },
  {
    id: "tcp-loss",
    title: "TCP on a network that loses",
    text: "Lost segments are sent again after a timeout that doubles. The programs notice nothing but the time.",
    settings: settingsOf("rot13", { seed: 1, lossPercent: 25 })
  },
  {
    id: "udp-loss",
    title: "UDP on a network that loses",
    text: "A lost datagram is lost: the client gets no reply, and nobody tells it why.",
    settings: settingsOf("rot13", { seed: 1, lossPercent: 25, choices: { transport: "udp", messages: "8" } })
  },
  {
    id: "boundaries",
    title: "TCP keeps no boundaries",
    text: "The client writes three messages; its reads return five pieces, and no piece says where a message ends.",
    settings: settingsOf("rot13", { seed: 33, choices: { sending: "at-once" } })
  },
  {
    id: "crash",
    title: "A host crashes",
    text: "Nobody says so: the others notice that its packets are missing, first suspect it, then take it for down.",
    settings: settingsOf("presence", { seed: 1, choices: { event: "crash" } })
  },
  {
    id: "partition",
    title: "A partition",
    text: "Each side takes the other for down, and both are wrong. After the partition all agree within an interval.",
    settings: settingsOf("presence", { seed: 1, choices: { event: "partition" } })
  }
]
