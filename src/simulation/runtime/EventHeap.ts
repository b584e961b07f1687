/** Events in the order of their times: a binary heap, in which cancelled events stay for a while. */

/** An action that is executed at its time unless it is cancelled. @category models @since 0.1.0 */
export interface Event {
  readonly time: number
  readonly order: number
  /** Undefined once the event is executed or cancelled. */
  action: (() => void) | undefined
}

const before = (a: Event, b: Event) => a.time < b.time || (a.time === b.time && a.order < b.order)

/** Cancelled events are removed together once they are three quarters of a heap of this size. */
const minCompactedEvents = 1_024

/** A heap of events. A class, because it is on the path of every simulated packet. */
export class EventHeap {
  private heap: Array<Event> = []
  private order = 0
  private pending = 0

  /** Adds an event; events of one time keep the order of scheduling. */
  schedule(time: number, action: () => void): Event {
    const event = { time, order: this.order++, action }
    this.pending++
    const { heap } = this
    let i = heap.length
    heap.push(event)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!before(event, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = event
    return event
  }

  cancel(event: Event) {
    if (event.action === undefined) return
    event.action = undefined
    this.pending--
    if (this.heap.length <= minCompactedEvents || this.heap.length <= 4 * this.pending) return
    // A sorted array is a heap.
    this.heap = this.heap.filter(({ action }) => action !== undefined).sort((a, b) => (before(a, b) ? -1 : 1))
  }

  /** Returns the next event. */
  peek(): Event | undefined {
    let first = this.heap[0]
    for (; first !== undefined && first.action === undefined; first = this.heap[0]) this.pop()
    return first
  }

  /** Removes the next event if its time has come, and returns its action. */
  take(now: number): (() => void) | undefined {
    const event = this.peek()
    if (event === undefined || event.time > now) return undefined
    const { action } = event
    event.action = undefined
    this.pending--
    this.pop()
    return action
  }

  private pop() {
    const { heap } = this
    const last = heap.pop()!
    const length = heap.length
    if (length === 0) return
    let i = 0
    while (true) {
      let child = 2 * i + 1
      if (child >= length) break
      if (child + 1 < length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
  }
}
