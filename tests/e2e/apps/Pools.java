import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

// A server of the JDK's own. POST /HOP/ID asks NEXT/ID and answers the id. WAY is who makes the call:
// direct: the thread that read the request. pool: one of a fixed pool of four, for which it waits.
// future: CompletableFuture's pool. client: the JDK's HttpClient, by a thread of its own.
// handed_on: another job of the pool of eight whose threads read the requests, too; nobody waits for it.
// virtual: as direct, but each request has a virtual thread (Java 21).
public class Pools {
  static final String NEXT = System.getenv("NEXT");
  static final String WAY = System.getenv("WAY");
  static final ExecutorService POOL = Executors.newFixedThreadPool(4);
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
    if (WAY.equals("handed_on")) {
      threads.execute(() -> {
        ask(order);
        answer(exchange, order);
      });
      return;
    }
    try {
      switch (WAY) {
        case "pool": POOL.submit(() -> ask(order)).get(); break;
        case "future": CompletableFuture.supplyAsync(() -> ask(order)).get(); break;
        case "client": askByClient(order); break;
        default: ask(order);
      }
    } catch (Exception error) {
      throw new IOException(error);
    }
    answer(exchange, order);
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
    server.start();
  }
}
