/*
 * The players: thousands of clients of a hangman server, in one process with epoll, the same for every server. In C,
 * because a client on node:net costs as much as a server on node:net, and would set the pace.
 *
 * They play by the rules and look at every line: a server that shows a letter that is not there, takes a life too many,
 * leaves a place empty, says a word too much or does not close gets no figure.
 *
 * A guess that was right before is free, so that a game can be kept going: that is how turns are counted. One player in
 * four then loses, with digits, capitals and empty lines; the others play on as one does.
 *
 * Says `ready`, answers each line of its input with a line of JSON, and ends with its input:
 *
 *     turns PORT PLAYERS PATIENCE MEASURE   once all have been greeted, or waiting so long, all play for half as many
 *                                           milliseconds, and for as many more, which count; then all games are
 *                                           ended, and every end is looked at
 *     games PORT PLAYERS 0 MEASURE          one game after another, a new connection for each, so many at a time
 *     hold PORT PLAYERS 0 0                 so many more connect, are greeted, and stay until something else is asked
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 32, LATENCIES = 1 << 20, STEP = 10, GREETINGS = 256, SILENCE = 20000 };

typedef enum { ABSENT, CALLING, PLAYING, ENDED } State;

typedef struct {
  State state;
  int fd, index, length, lives, next, have;
  unsigned right, wrong; /* the letters tried, a bit for each */
  char guess, mask[LONGEST + 1], text[64];
  uint64_t since; /* microseconds: when it connected, or guessed */
} Player;

static Player *players;
static int poller, wanted, begun, greeted, open_now, held;
static int port;
static unsigned long connections, turns, won, lost, counted;
static uint64_t window, last, slowest; /* slowest: from connecting to the first line */
static int started, counting, ending;  /* guesses are made; in the window; after it */
static uint32_t latency[LATENCIES];    /* how often so many times STEP microseconds */
static char failure[200];

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000ull + time.tv_nsec / 1000;
}

static int fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (*failure == 0) vsnprintf(failure, sizeof failure, format, arguments);
  va_end(arguments);
  return -1;
}

static unsigned bit(char letter) { return letter >= 'a' && letter <= 'z' ? 1u << (letter - 'a') : 0; }

/* From an address of its own for every 200th, so that ports do not run out while the kernel keeps those of old ones. */
static int call(Player *player) {
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002 + connections++ % 200)};
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int on = 1, index = player->index;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail("socket: %s", strerror(errno));
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  *player = (Player){.state = CALLING, .fd = fd, .index = index, .since = now()};
  open_now++;
  if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) return fail("bind: %s", strerror(errno));
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)
    return fail("connect: %s", strerror(errno));
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = player};
  return epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static void leave(Player *player) {
  if (player->state == ABSENT) return;
  close(player->fd);
  player->state = ABSENT;
  open_now--;
}

static int guess(Player *player) {
  static const char order[] = "eaiotrnslcudphmgybfwkvxzjq", bad[] = "7E\n";
  int isLoser = ending && player->index % 4 == 3;
  char letter;
  if (isLoser)
    letter = bad[player->next++ % 3];
  else if (!ending && player->right != 0)
    letter = 'a' + __builtin_ctz(player->right);
  else {
    while (player->next < 26 && bit(order[player->next]) & (player->right | player->wrong)) player->next++;
    if (player->next == 26) return fail("no letter is left for %s", player->mask);
    letter = order[player->next];
  }
  player->guess = letter;
  player->since = now();
  char line[2] = {letter, '\n'};
  size_t length = letter == '\n' ? 1 : 2;
  return write(player->fd, line, length) == (ssize_t)length ? 0 : fail("a guess cannot be sent: %s", strerror(errno));
}

/* What is shown after a guess, by what was shown before it. */
static int judge(Player *player, const char *mask, int lives) {
  unsigned letter = bit(player->guess);
  int isOver = strchr(mask, '-') == NULL;
  int isRight = letter != 0 && strchr(mask, player->guess) != NULL && lives > 0;
  if ((int)strlen(mask) != player->length) return fail("the word has become %s", mask);
  if (lives != player->lives - !isRight) return fail("%d lives after %c at %d", lives, player->guess, player->lives);
  if ((lives == 0) > isOver) return fail("the word is not shown: %s", mask);
  if (isRight && letter & player->wrong) return fail("%c was not in %s before", player->guess, mask);
  for (int i = 0; i < player->length; i++) {
    int isNew = mask[i] != player->mask[i];
    if (isNew && player->mask[i] != '-') return fail("%s has become %s", player->mask, mask);
    if (isNew && bit(mask[i]) & (player->right | player->wrong)) return fail("%c came late in %s", mask[i], mask);
    if (isNew && lives > 0 && mask[i] != player->guess) return fail("%s shows more than %c", mask, player->guess);
    if (isNew && lives == 0 && mask[i] == player->guess) return fail("%c is in %s", player->guess, mask);
  }
  if (isRight) player->right |= letter;
  else player->wrong |= letter;
  strcpy(player->mask, mask);
  player->lives = lives;
  if (isOver) *(lives > 0 ? &won : &lost) += 1;
  return isOver;
}

static int onLine(Player *player, const char *line) {
  char mask[LONGEST + 1], after;
  int lives, isOver = 0;
  if (sscanf(line, " %32[a-z-]   %d%c", mask, &lives, &after) != 3 || after != '\n')
    return fail("not a line: %s", line);
  uint64_t time = now(), took = time - player->since;
  if (player->state == CALLING) {
    player->state = PLAYING;
    player->length = strlen(mask);
    player->lives = lives;
    strcpy(player->mask, mask);
    if (lives < 1 || strspn(mask, "-") != strlen(mask)) return fail("begins with %s", line);
    if (took > slowest) slowest = took;
    greeted++;
  } else if (player->state == PLAYING) {
    if ((isOver = judge(player, mask, lives)) < 0) return -1;
    turns++;
    if (counting) {
      counted++;
      latency[took / STEP < LATENCIES ? took / STEP : LATENCIES - 1]++;
    }
  } else
    return fail("says %s when the game is over", line);
  player->state = isOver ? ENDED : PLAYING;
  return isOver || !started ? 0 : guess(player);
}

static int onBytes(Player *player) {
  ssize_t length = read(player->fd, player->text + player->have, sizeof player->text - 1 - player->have);
  if (length < 0) return errno == EAGAIN ? 0 : fail("read: %s", strerror(errno));
  if (length == 0) {
    if (player->state != ENDED) return fail("closed in the middle of a game");
    leave(player);
    return 1;
  }
  player->have += length;
  player->text[player->have] = 0;
  for (char *end; (end = strchr(player->text, '\n')) != NULL;) {
    char line[sizeof player->text];
    size_t size = end + 1 - player->text;
    memcpy(line, player->text, size);
    line[size] = 0;
    player->have -= size;
    memmove(player->text, end + 1, player->have + 1);
    if (onLine(player, line) < 0) return -1;
  }
  return player->have < (int)sizeof player->text - 1 ? 0 : fail("a line without an end: %s", player->text);
}

/* Handles what there is within so many milliseconds; those whose game has ended begin a new one, if they may. */
static int step(int timeout, int again) {
  struct epoll_event events[512];
  while (begun < wanted && begun - greeted < GREETINGS)
    if (call(&players[begun++]) < 0) return -1;
  int count = epoll_wait(poller, events, 512, timeout);
  if (count > 0) last = now();
  else if (now() - last > SILENCE * 1000ull) return fail("no answer in %d seconds", SILENCE / 1000);
  for (int i = 0; i < count; i++) {
    Player *player = events[i].data.ptr;
    if (player == NULL) exit(0); /* the end of input, or impatience */
    int result = onBytes(player);
    if (result < 0) return -1;
    if (result > 0 && again && call(player) < 0) return -1;
  }
  return 0;
}

/* Microseconds of processor time so far. */
static double spent(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static unsigned long quantile(double part) {
  unsigned long sum = 0;
  for (unsigned long i = 0; i < LATENCIES; i++)
    if ((sum += latency[i]) >= part * counted && sum > 0) return i * STEP;
  return 0;
}

static int run(int milliseconds) {
  for (uint64_t time = now(), end = time + milliseconds * 1000ull; time < end; time = now())
    if (step((end - time) / 1000 + 1, 1) < 0) return -1;
  return 0;
}

/* Waits until all have been greeted, or patience is at its end; plays for half as long; counts; ends the games. */
static int play(int patience, int measure) {
  uint64_t begin = now();
  while (greeted < wanted && now() - begin < patience * 1000ull)
    if (step(10, 0) < 0) return -1;
  started = 1;
  for (int i = 0; i < begun; i++)
    if (players[i].state == PLAYING && guess(&players[i]) < 0) return -1;
  if (run(measure / 2) < 0) return -1;
  unsigned long games = won + lost;
  double busy = spent();
  begin = now();
  counting = 1;
  if (run(measure) < 0) return -1;
  window = now() - begin;
  counting = 0;
  games = won + lost - games;
  busy = (spent() - busy) / window;
  ending = 1;
  while (open_now > 0)
    if (step(100, 0) < 0) return -1;
  printf("{\"turns\":%.1f,\"games\":%.1f,\"p50\":%lu,\"p99\":%lu,\"first\":%lu,\"won\":%lu,\"lost\":%lu,"
         "\"busy\":%.2f}\n",
         counted * 1e6 / window, games * 1e6 / window, quantile(0.5), quantile(0.99), (unsigned long)slowest, won, lost,
         busy);
  return 0;
}

static int keep(void) {
  held = 1;
  while (greeted < wanted)
    if (step(100, 0) < 0) return -1;
  printf("{\"held\":%d}\n", greeted);
  return 0;
}

static void reset(void) {
  for (int i = 0; i < wanted; i++) leave(&players[i]);
  memset(latency, 0, sizeof latency);
  wanted = begun = greeted = held = started = counting = ending = 0;
  turns = won = lost = counted = window = slowest = 0;
}

int main(void) {
  char line[100], kind[10];
  int to, count, patience, measure;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  players = calloc(files.rlim_max, sizeof *players);
  for (rlim_t i = 0; i < files.rlim_max; i++) players[i].index = i;
  poller = epoll_create1(0);
  struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &input);
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  puts("ready");
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (sscanf(line, "%9s %d %d %d %d", kind, &to, &count, &patience, &measure) != 5) return 2;
    if (!held || *kind != 'h' || to != port) reset();
    port = to;
    *failure = 0;
    last = now();
    wanted += count;
    ending = *kind == 'g';
    if ((*kind == 'h' ? keep() : play(patience, measure)) < 0) {
      printf("{\"error\":\"%s\"}\n", failure);
      reset();
    }
  }
  return 0;
}
