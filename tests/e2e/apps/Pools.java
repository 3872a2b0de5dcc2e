import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

// A server of the JDK's own. POST /HOP/ID asks NEXT/ID and answers the id. WAY is who makes the call:
// direct: the thread that read the request. pool: one of a fixed pool of four, for which it waits.
// future: CompletableFuture's pool. client: the JDK's HttpClient, by a thread of its own.
// handed_on: another job of the pool of eight whose threads read the requests, too; nobody waits for it.
// As pool, but with something else going on: after: the request is answered before, and waits for nothing; sometimes: every fifth
// is. left: it leaves another job behind, ID.left; delayed: every second one does, due later; seldom: every fiftieth. log:
// another thread tells the next one of every five requests. cron: another one does something with a lock that requests need.
// virtual: as direct, but each request has a virtual thread (Java 21).
public class Pools {
  static final String NEXT = System.getenv("NEXT");
  static final String WAY = System.getenv("WAY");
  static final ScheduledExecutorService TIMED =
      Set.of("delayed", "seldom").contains(WAY) ? Executors.newScheduledThreadPool(4) : null;
  static final ExecutorService POOL = TIMED != null ? TIMED : Executors.newFixedThreadPool(4);
  static final ReentrantLock LOCK = new ReentrantLock();
  static final BlockingQueue<String> RECORDS = new LinkedBlockingQueue<>();
  static final AtomicInteger NUMBER = new AtomicInteger();
  static ExecutorService threads = Executors.newFixedThreadPool(WAY.equals("handed_on") ? 8 : 128);
  static final HttpClient CLIENT = HttpClient.newHttpClient();

  static byte[] ask(String order) {
    try {
      HttpURLConnection call = (HttpURLConnection) URI.create(NEXT + "/" + order).toURL().openConnection();
      call.setDoOutput(true);
      call.getOutputStream().write("{}".getBytes());
      return call.getInputStream().readAllBytes();
    } catch (IOException error) {
      throw new RuntimeException(error);
    }
  }

  static byte[] askByClient(String order) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(NEXT + "/" + order))
                              .version(HttpClient.Version.HTTP_1_1)
                              .POST(HttpRequest.BodyPublishers.ofString("{}"))
                              .build();
    return CLIENT.send(request, HttpResponse.BodyHandlers.ofByteArray()).body();
  }

  static void handle(HttpExchange exchange) throws IOException {
    String order = idOf(exchange);
    exchange.getRequestBody().readAllBytes();
    int number = NUMBER.incrementAndGet();
    if (WAY.equals("after") || (WAY.equals("sometimes") && number % 5 == 0)) {
      answer(exchange, order);
      POOL.submit(() -> ask(order));
      return;
    }
    if (WAY.equals("handed_on")) {
      threads.execute(() -> {
        ask(order);
        answer(exchange, order);
      });
      return;
    }
    try {
      switch (WAY) {
        case "left": POOL.submit(() -> ask(order + ".left")); break;
        case "delayed":
          if (number % 2 == 0) later(order + ".left");
          break;
        case "seldom":
          if (number % 50 == 0) later(order + ".left");
          break;
        case "log": RECORDS.add(order); break;
        case "cron": busy(); break;
      }
      switch (WAY) {
        case "left":
        case "delayed":
        case "seldom":
        case "sometimes":
        case "log":
        case "cron":
        case "pool": POOL.submit(() -> ask(order)).get(); break;
        case "future": CompletableFuture.supplyAsync(() -> ask(order)).get(); break;
        case "client": askByClient(order); break;
        default: ask(order);
      }
      if (WAY.equals("cron")) busy();
    } catch (Exception error) {
      throw new IOException(error);
    }
    answer(exchange, order);
  }

  static void later(String order) {
    TIMED.schedule(() -> ask(order), ThreadLocalRandom.current().nextInt(8000), TimeUnit.MICROSECONDS);
  }

  static void busy() {
    LOCK.lock();
    for (long end = System.nanoTime() + 300_000; System.nanoTime() < end;) Thread.onSpinWait();
    LOCK.unlock();
  }

  static void log() {
    try {
      for (;;) {
        for (int i = 0; i < 5; ++i) RECORDS.take();
        ask("log" + NUMBER.get());
      }
    } catch (InterruptedException over) {
    }
  }

  static void cron() {
    try {
      for (;;) {
        Thread.sleep(3);
        LOCK.lock();
        ask("cron" + System.nanoTime());
        LOCK.unlock();
      }
    } catch (InterruptedException over) {
    }
  }

  static String idOf(HttpExchange exchange) {
    String path = exchange.getRequestURI().getPath();
    return path.substring(path.lastIndexOf('/') + 1);
  }

  static void answer(HttpExchange exchange, String order) {
    try {
      byte[] answer = ("{\"id\":\"" + order + "\"}").getBytes();
      exchange.sendResponseHeaders(200, answer.length);
      exchange.getResponseBody().write(answer);
      exchange.close();
    } catch (IOException error) {
      throw new RuntimeException(error);
    }
  }

  public static void main(String[] arguments) throws Exception {
    int port = Integer.parseInt(System.getenv("PORT"));
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 1024);
    server.createContext("/", Pools::handle);
    if (WAY.equals("virtual")) {
      threads = (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    }
    server.setExecutor(threads);
    if (WAY.equals("log")) new Thread(Pools::log).start();
    if (WAY.equals("cron")) new Thread(Pools::cron).start();
    server.start();
  }
}
