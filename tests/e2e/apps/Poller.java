import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

// A server as Tomcat is one: a thread waits for all connections, a pool's read what is there, without blocking, and
// answer. POST /HOP/ID asks NEXT/ID and answers the id. WAY is what else the pool does:
// direct: nothing. left: each request leaves a job behind, ID.left; delayed: every second one does, due later. suspended: a
// request goes on two milliseconds after it was read, on any thread, and another job is due every three; seldom: every fiftieth does.
// yield: each is put back into the pool's queue after it was read, every twentieth leaves a job behind, due later; alone: likewise,
// in a pool of one.
public class Poller {
  static final String NEXT = System.getenv("NEXT");
  static final String WAY = System.getenv("WAY");
  static final ScheduledExecutorService POOL = Executors.newScheduledThreadPool(WAY.equals("alone") ? 1 : 8);
  static final AtomicInteger NUMBER = new AtomicInteger();
  static final ConcurrentLinkedQueue<SelectionKey> READ = new ConcurrentLinkedQueue<>();
  static Selector selector;

  static void ask(String order) {
    try {
      HttpURLConnection call = (HttpURLConnection) URI.create(NEXT + "/" + order).toURL().openConnection();
      call.setDoOutput(true);
      call.getOutputStream().write("{}".getBytes());
      call.getInputStream().readAllBytes();
    } catch (IOException error) {
      error.printStackTrace();
    }
  }

  static void answer(SelectionKey key, String order) {
    String body = "{\"id\":\"" + order + "\"}";
    ByteBuffer answer = ByteBuffer.wrap(("HTTP/1.1 200 OK\r\nContent-Length: " + body.length() + "\r\n\r\n" + body).getBytes());
    try {
      while (answer.hasRemaining()) ((SocketChannel) key.channel()).write(answer);
    } catch (IOException error) {
      key.cancel();
      return;
    }
    READ.add(key);
    selector.wakeup();
  }

  static void askAndAnswer(SelectionKey key, String order) {
    ask(order);
    answer(key, order);
  }

  static void handle(SelectionKey key, String order) {
    int number = NUMBER.incrementAndGet();
    if (WAY.equals("left")) POOL.execute(() -> ask(order + ".left"));
    boolean yields = WAY.equals("yield") || WAY.equals("alone");
    if ((WAY.equals("delayed") && number % 2 == 0) || (yields && number % 20 == 0)) {
      POOL.schedule(() -> ask(order + ".left"), ThreadLocalRandom.current().nextInt(8000), TimeUnit.MICROSECONDS);
    }
    if (WAY.equals("suspended") || (WAY.equals("seldom") && number % 50 == 0)) {
      POOL.schedule(() -> askAndAnswer(key, order), 2, TimeUnit.MILLISECONDS);
    } else if (yields) {
      POOL.execute(() -> askAndAnswer(key, order));
    } else {
      askAndAnswer(key, order);
    }
  }

  static void read(SelectionKey key) {
    ByteBuffer bytes = ByteBuffer.allocate(1 << 16);
    SocketChannel channel = (SocketChannel) key.channel();
    try {
      String order;
      do {
        if (channel.read(bytes) < 0) {
          channel.close();
          return;
        }
      } while ((order = orderIn(new String(bytes.array(), 0, bytes.position()))) == null);
      handle(key, order);
    } catch (IOException error) {
      key.cancel();
    }
  }

  // The id at the path's end; null when the request is not whole.
  static String orderIn(String request) {
    int end = request.indexOf("\r\n\r\n");
    if (end < 0) return null;
    String lower = request.toLowerCase();
    int at = lower.indexOf("content-length:");
    int body = at < 0 ? 0 : Integer.parseInt(lower.substring(at + 15, lower.indexOf("\r\n", at)).trim());
    if (request.length() < end + 4 + body) return null;
    String path = request.substring(0, request.indexOf(" HTTP/"));
    return path.substring(path.lastIndexOf('/') + 1);
  }

  public static void main(String[] arguments) throws Exception {
    selector = Selector.open();
    ServerSocketChannel listening = ServerSocketChannel.open();
    listening.bind(new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("PORT"))), 1024);
    listening.configureBlocking(false);
    listening.register(selector, SelectionKey.OP_ACCEPT);
    if (WAY.equals("suspended")) {
      POOL.scheduleAtFixedRate(() -> ask("cron" + System.nanoTime()), 3, 3, TimeUnit.MILLISECONDS);
    }
    for (;;) {
      selector.select();
      for (SelectionKey key; (key = READ.poll()) != null;) {
        if (key.isValid()) key.interestOps(SelectionKey.OP_READ);
      }
      for (SelectionKey key : selector.selectedKeys()) {
        if (!key.isValid()) continue;
        if (key.isAcceptable()) {
          SocketChannel channel = listening.accept();
          channel.configureBlocking(false);
          channel.register(selector, SelectionKey.OP_READ);
          continue;
        }
        key.interestOps(0);
        POOL.execute(() -> read(key));
      }
      selector.selectedKeys().clear();
    }
  }
}
