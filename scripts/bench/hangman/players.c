/*
 * The players: thousands of clients of a hangman server, in one process with epoll, the same for every server. They are
 * written in C, because a client on node:net costs as much as a server on node:net and would limit the measurement.
 *
 * The players check every line. The run fails if a server shows a wrong letter, takes a life too many, hides a letter
 * that was found, sends a line too many or does not close the connection.
 *
 * A repeated right guess costs no life, so a game can continue for any time: that is how turns are counted. At the end
 * one player in four loses, with digits, capitals and empty lines; the others finish their game.
 *
 * Prints `ready`, answers each line of its input with a line of JSON, and ends at the end of its input. Times are in
 * milliseconds:
 *
 *     turns PORT PLAYERS GREET_TIMEOUT MEASURE   waits for the first lines of all players, at most GREET_TIMEOUT; plays
 *                                                for half of MEASURE, then for MEASURE, which counts; then finishes all
 *                                                games and checks each end
 *     games PORT PLAYERS 0 MEASURE               plays games, PLAYERS at a time, each on a new connection
 *     hold PORT PLAYERS 0 0                      connects PLAYERS more, reads their first lines, and keeps them idle
 *                                                until the next command
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
static int started, counting, ending;  /* guesses are sent; within the measurement; after it */
static uint32_t latency[LATENCIES];    /* histogram with bins of STEP microseconds */
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

/* Connects from one of 200 source addresses, so that ports do not run out while old ones are in TIME_WAIT. */
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
  return write(player->fd, line, length) == (ssize_t)length ? 0 : fail("cannot send a guess: %s", strerror(errno));
}

/* Checks a line against the previous line and the guess. Returns 1 at the end of the game, -1 for an error. */
static int check_line(Player *player, const char *mask, int lives) {
  unsigned letter = bit(player->guess);
  int isOver = strchr(mask, '-') == NULL;
  int isRight = letter != 0 && strchr(mask, player->guess) != NULL && lives > 0;
  if ((int)strlen(mask) != player->length) return fail("the length of the word has changed: %s", mask);
  if (lives != player->lives - !isRight) return fail("%d lives after %c at %d", lives, player->guess, player->lives);
  if ((lives == 0) > isOver) return fail("the word is not shown: %s", mask);
  if (isRight && letter & player->wrong) return fail("%c was not in %s before", player->guess, mask);
  for (int i = 0; i < player->length; i++) {
    int isNew = mask[i] != player->mask[i];
    if (isNew && player->mask[i] != '-') return fail("a letter has changed: %s, before %s", mask, player->mask);
    if (isNew && bit(mask[i]) & (player->right | player->wrong)) return fail("%c is shown after it was tried in %s", mask[i], mask);
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
    if (lives < 1 || strspn(mask, "-") != strlen(mask)) return fail("invalid first line: %s", line);
    if (took > slowest) slowest = took;
    greeted++;
  } else if (player->state == PLAYING) {
    if ((isOver = check_line(player, mask, lives)) < 0) return -1;
    turns++;
    if (counting) {
      counted++;
      latency[took / STEP < LATENCIES ? took / STEP : LATENCIES - 1]++;
    }
  } else
    return fail("a line after the end of the game: %s", line);
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

/* Handles events for at most `timeout` milliseconds. With `again`, players whose game has ended start a new one. */
static int step(int timeout, int again) {
  struct epoll_event events[512];
  while (begun < wanted && begun - greeted < GREETINGS)
    if (call(&players[begun++]) < 0) return -1;
  int count = epoll_wait(poller, events, 512, timeout);
  if (count > 0) last = now();
  else if (now() - last > SILENCE * 1000ull) return fail("no answer in %d seconds", SILENCE / 1000);
  for (int i = 0; i < count; i++) {
    Player *player = events[i].data.ptr;
    if (player == NULL) exit(0); /* the end of input, or an early command */
    int result = onBytes(player);
    if (result < 0) return -1;
    if (result > 0 && again && call(player) < 0) return -1;
  }
  return 0;
}

/* CPU time used so far, in microseconds. */
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

/* Waits for the first lines, warms up for half of `measure`, counts for `measure`, and finishes all games. */
static int play(int greet_timeout, int measure) {
  uint64_t begin = now();
  while (greeted < wanted && now() - begin < greet_timeout * 1000ull)
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

static int hold(void) {
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
  int to, count, greet_timeout, measure;
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
    if (sscanf(line, "%9s %d %d %d %d", kind, &to, &count, &greet_timeout, &measure) != 5) return 2;
    if (!held || *kind != 'h' || to != port) reset();
    port = to;
    *failure = 0;
    last = now();
    wanted += count;
    ending = *kind == 'g';
    if ((*kind == 'h' ? hold() : play(greet_timeout, measure)) < 0) {
      printf("{\"error\":\"%s\"}\n", failure);
      reset();
    }
  }
  return 0;
}
