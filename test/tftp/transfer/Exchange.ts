/**
 * A sender and a receiver of blocks with a bad channel between them, in virtual time: the state machines and nothing
 * else. DATA take 10 ms to the receiver and ACKs 10 ms back.
 */
import * as Receiver from "../../../src/tftp/transfer/Receiver.ts"
import * as Retransmission from "../../../src/tftp/transfer/Retransmission.ts"
import * as Sender from "../../../src/tftp/transfer/Sender.ts"

export interface Packet {
  readonly kind: "DATA" | "ACK"
  /** How many of its kind went out before it. */
  readonly index: number
  /** Without rollover; of an ACK, what the receiver has. */
  readonly block: number
}

export interface Setup {
  readonly windowsize: number
  readonly rollover: 0 | 1
  /** The last block, an empty one; those before it have one byte. */
  readonly last: number
  /** Blocks that went before all this. Default 0. */
  readonly from?: number
  /** Whether the receiver has to find out about the rollover, and whether it knows the size. Default no, yes. */
  readonly learns?: boolean
  readonly sized?: boolean
  /** Whether the receiver acknowledges again after a silence. Default no. */
  readonly impatient?: boolean
  /** Whether a round trip was measured before. Default yes: that of the options. */
  readonly measured?: boolean
  /** When the copies of a packet arrive, in ms after they should: none is a loss. Default `[0]`. */
  readonly fate?: (packet: Packet) => ReadonlyArray<number>
}

export interface Outcome {
  /** Blocks that the receiver kept, in order; what it kept out of order is `wrong`. */
  readonly kept: number
  readonly wrong: ReadonlyArray<number>
  readonly finished: boolean
  readonly sizeMatches: boolean
  readonly data: number
  readonly acks: number
  /** The most blocks that the receiver held at a time. */
  readonly mostHeld: number
  /** How often each block went out, from index 1; those that never did are undefined. */
  readonly times: ReadonlyArray<number | undefined>
  readonly silences: number
  readonly gaps: number
  readonly rtt: Retransmission.RttEstimate | undefined
  readonly sender: Sender.State
}

interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** Events by time, then by age. */
const agenda = () => {
  const heap: Array<Event> = []
  const before = (a: number, b: number) =>
    heap[a]!.at < heap[b]!.at || (heap[a]!.at === heap[b]!.at && heap[a]!.order < heap[b]!.order)
  const swap = (a: number, b: number) => {
    const event = heap[a]!
    heap[a] = heap[b]!
    heap[b] = event
  }
  let order = 0
  return {
    add: (at: number, run: () => void) => {
      let index = heap.push({ at, order: order++, run }) - 1
      for (let up = (index - 1) >> 1; index > 0 && before(index, up); up = (index - 1) >> 1) {
        swap(index, up)
        index = up
      }
    },
    take: (): Event | undefined => {
      const first = heap[0]
      const moved = heap.pop()
      if (first === undefined || moved === first) return first
      heap[0] = moved!
      for (let index = 0; ; ) {
        let least = index
        for (const child of [2 * index + 1, 2 * index + 2]) {
          if (child < heap.length && before(child, least)) least = child
        }
        if (least === index) return first
        swap(index, least)
        index = least
      }
    }
  }
}

const latency = 10
/** What a DATA keeps the wire busy for. */
const busy = 0.001
/** What the sender waits between bursts: a part of a round trip, at least a moment. */
const pauses = 1 / 4
const breath = 0.5
const senderPatience = 90
const receiverPatience = 250

export const run = (setup: Setup): Outcome => {
  const { fate = () => [0], from = 0, last, rollover, windowsize } = setup
  const events = agenda()
  let now = 0
  let sender: Sender.State = {
    ...Sender.start({ windowsize, rollover }),
    highAck: from,
    sndNext: from + 1,
    highData: from
  }
  sender = Sender.finish({ ...sender, burstEnd: from + sender.cwnd }, last)
  let receiver: Receiver.State = {
    ...Receiver.start({
      windowsize,
      blksize: 1,
      rollover: setup.learns === true ? undefined : rollover,
      tsize: setup.sized === false ? undefined : last - 1 - from
    }),
    received: from,
    acked: from
  }
  let rtt = setup.measured === false ? undefined : Retransmission.observe(undefined, 2 * latency)
  let over = false
  let data = 0
  let acks = 0
  let silences = 0
  let gaps = 0
  let kept = from
  let free = 0
  let resuming = false
  let heardSender = 0
  let heardReceiver = 0
  let mostHeld = 0
  const held = new Set<number>()
  const wrong: Array<number> = []
  const times: Array<number | undefined> = []

  const transmit = (packet: Packet, leaves: number, arrive: () => void) => {
    for (const late of fate(packet)) events.add(leaves + latency + late, arrive)
  }
  const acknowledge = () => {
    const wire = Receiver.ackNumber(receiver)
    transmit({ kind: "ACK", index: acks++, block: receiver.received }, now, () => heardAck(wire))
  }
  const heardData = (block: number, wire: number) => {
    heardSender = now
    const [next, action] = Receiver.data(receiver, wire, block === last ? 0 : 1)
    receiver = next
    if (action === "Deliver" || action === "DeliverAndAck" || action === "DeliverLast") {
      if (block !== kept + 1) wrong.push(block)
      else kept = block
      for (let early = block + 1; early <= next.received; early++) {
        if (held.delete(early)) kept = early
        else wrong.push(early)
      }
    }
    if (action === "Buffer" || action === "BufferAndAck") {
      if (held.has(block)) wrong.push(block)
      held.add(block)
      mostHeld = Math.max(mostHeld, held.size)
    }
    if (action !== "Deliver" && action !== "Buffer" && action !== "Ignore") acknowledge()
  }
  const heardAck = (wire: number) => {
    const [next, verdict] = Sender.ack(sender, wire, now, rtt)
    sender = next
    if (verdict._tag === "Ignored") return
    heardReceiver = now
    if (verdict._tag === "Done") over = true
    if (verdict._tag === "Gap") gaps++
    if (verdict._tag === "Progress" && verdict.sample !== undefined) rtt = Retransmission.observe(rtt, verdict.sample)
    pump()
  }
  const pump = () => {
    while (!over && !resuming && sender.sndNext <= Sender.limit(sender)) {
      if (Sender.shouldPause(sender)) {
        resuming = true
        events.add(now + Math.max(breath, (rtt?.smoothed ?? 0) * pauses), () => {
          resuming = false
          // An ACK may have begun another burst meanwhile.
          if (Sender.shouldPause(sender)) sender = Sender.resume(sender)
          pump()
        })
        return
      }
      const block = sender.sndNext
      const wire = Sender.toWire(rollover, block)
      free = Math.max(free, now) + busy
      times[block] = (times[block] ?? 0) + 1
      transmit({ kind: "DATA", index: data++, block }, free, () => heardData(block, wire))
      sender = Sender.sent(sender, now)
      heardReceiver = now
    }
  }
  const senderTimer = () => {
    if (now >= heardReceiver + senderPatience) {
      silences++
      sender = Sender.timedOut(sender)
      heardReceiver = now
      pump()
    }
    events.add(heardReceiver + senderPatience, senderTimer)
  }
  const receiverTimer = () => {
    if (now >= heardSender + receiverPatience && !receiver.done) {
      receiver = Receiver.timedOut(receiver)
      heardSender = now
      acknowledge()
    }
    if (!receiver.done) events.add(heardSender + receiverPatience, receiverTimer)
  }

  pump()
  events.add(senderPatience, senderTimer)
  if (setup.impatient === true) events.add(receiverPatience, receiverTimer)
  for (let steps = 0; !over && steps < 20_000 + 100 * (last - from + windowsize); steps++) {
    const event = events.take()!
    now = event.at
    event.run()
  }
  const finished = over && receiver.done
  return {
    kept,
    wrong,
    finished,
    sizeMatches: Receiver.sizeMatches(receiver),
    data,
    acks,
    mostHeld,
    times,
    silences,
    gaps,
    rtt,
    sender
  }
}
