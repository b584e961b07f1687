/** What two threads do to one number in the memory they share, and three ways to do it. */

/** Where things are in the shared memory, which holds whole numbers of 32 bits. */
export const cellIndex = { global: 0, lock: 1, arrived: 2 } as const

export const cellCount = 3

export const threadCount = 2

const free = 0
const held = 1
const contended = 2

/** Takes the lock, and sleeps while another has it: the kernel is asked only when there is somebody to wait for. */
export const lock = (memory: Int32Array) => {
  let was = Atomics.compareExchange(memory, cellIndex.lock, free, held)
  while (was !== free) {
    // Whoever has waited cannot know that nobody else does, and takes the lock as contended.
    if (was === contended || Atomics.compareExchange(memory, cellIndex.lock, held, contended) !== free) {
      Atomics.wait(memory, cellIndex.lock, contended)
    }
    was = Atomics.compareExchange(memory, cellIndex.lock, free, contended)
  }
}

/** Lets go of it, and wakes one who sleeps. */
export const unlock = (memory: Int32Array) => {
  if (Atomics.exchange(memory, cellIndex.lock, free) === contended) Atomics.notify(memory, cellIndex.lock, 1)
}

const increment = (memory: Int32Array) => {
  let local = memory[cellIndex.global]!
  local++
  memory[cellIndex.global] = local
}

/** Each adds one to the number. */
export const updateMethods = {
  none: increment,
  mutex: (memory: Int32Array) => {
    lock(memory)
    increment(memory)
    unlock(memory)
  },
  add: (memory: Int32Array) => void Atomics.add(memory, cellIndex.global, 1)
} as const

export type UpdateMethod = keyof typeof updateMethods

/** What a thread is started with. */
export interface MutexJob {
  readonly memory: Int32Array
  readonly way: UpdateMethod
  readonly count: number
}
