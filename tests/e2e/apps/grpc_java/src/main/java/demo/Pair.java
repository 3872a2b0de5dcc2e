package demo;

import io.grpc.CallOptions;
import io.grpc.HandlerRegistry;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** gRPC in Java, with bytes for messages and any method: what ../grpc_pair.py does, and its arguments. $TLS too; with
 * $PROVIDER=JDK by Java's own TLS, else by netty-tcnative's BoringSSL. */
public final class Pair {
  private static final byte[] MESSAGE = "hello".getBytes();
  private static final String TLS = System.getenv("TLS");
  private static final SslProvider PROVIDER =
      "JDK".equals(System.getenv("PROVIDER")) ? SslProvider.JDK : SslProvider.OPENSSL;
  private static final ScheduledExecutorService TIMER = Executors.newSingleThreadScheduledExecutor();

  private static final MethodDescriptor.Marshaller<byte[]> BYTES = new MethodDescriptor.Marshaller<>() {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  };

  private static MethodDescriptor<byte[], byte[]> method(String name, MethodType type) {
    return MethodDescriptor.newBuilder(BYTES, BYTES).setFullMethodName(name).setType(type).build();
  }

  private static MethodType typeOf(String service) {
    return switch (service) {
      case "ServerStream" -> MethodType.SERVER_STREAMING;
      case "ClientStream" -> MethodType.CLIENT_STREAMING;
      case "Bidi" -> MethodType.BIDI_STREAMING;
      default -> MethodType.UNARY;
    };
  }

  private static String serviceOf(String name) {
    return name.substring("demo.".length(), name.indexOf('/'));
  }

  private static void unary(String name, StreamObserver<byte[]> out, ManagedChannel next) {
    switch (serviceOf(name)) {
      case "NotFound" -> out.onError(Status.NOT_FOUND.asRuntimeException());
      case "Slow" -> { }  // until it is cancelled
      case "Chain" -> {
        if (next != null) {
          var inner = method(name.replace("Chain", "Unary"), MethodType.UNARY);
          ClientCalls.blockingUnaryCall(next, inner, CallOptions.DEFAULT, MESSAGE);
        }
        out.onNext(MESSAGE);
        out.onCompleted();
      }
      default -> {
        out.onNext(MESSAGE);
        out.onCompleted();
      }
    }
  }

  private static void stream(StreamObserver<byte[]> out) {
    for (int i = 0; i < 3; i++) {
      out.onNext(MESSAGE);
    }
    out.onCompleted();
  }

  private static StreamObserver<byte[]> reader(StreamObserver<byte[]> out, boolean echo) {
    return new StreamObserver<>() {
      @Override
      public void onNext(byte[] message) {
        if (echo) {
          out.onNext(message);
        }
      }

      @Override
      public void onError(Throwable error) { }

      @Override
      public void onCompleted() {
        if (!echo) {
          out.onNext(MESSAGE);
        }
        out.onCompleted();
      }
    };
  }

  private static ServerCallHandler<byte[], byte[]> handler(String name, ManagedChannel next) {
    return switch (typeOf(serviceOf(name))) {
      case SERVER_STREAMING -> ServerCalls.asyncServerStreamingCall((byte[] request, StreamObserver<byte[]> out) -> stream(out));
      case CLIENT_STREAMING -> ServerCalls.asyncClientStreamingCall((StreamObserver<byte[]> out) -> reader(out, false));
      case BIDI_STREAMING -> ServerCalls.asyncBidiStreamingCall((StreamObserver<byte[]> out) -> reader(out, true));
      default -> ServerCalls.asyncUnaryCall((byte[] request, StreamObserver<byte[]> out) -> unary(name, out, next));
    };
  }

  private static void serve() throws Exception {
    String following = System.getenv("NEXT");
    ManagedChannel next = following == null || following.isEmpty() ? null : dial(following);
    var address = new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("PORT")));
    var builder = NettyServerBuilder.forAddress(address).fallbackHandlerRegistry(new HandlerRegistry() {
      @Override
      public ServerMethodDefinition<?, ?> lookupMethod(String name, String authority) {
        return ServerMethodDefinition.create(method(name, typeOf(serviceOf(name))), handler(name, next));
      }
    });
    if (TLS != null) {
      var context = SslContextBuilder.forServer(new File(TLS, "cert.pem"), new File(TLS, "key.pem"));
      builder.sslContext(GrpcSslContexts.configure(context, PROVIDER).build());
    }
    builder.build().start().awaitTermination();
  }

  private static ManagedChannel dial(String address) throws Exception {
    var builder = NettyChannelBuilder.forTarget(address);
    if (TLS == null) {
      return builder.usePlaintext().build();
    }
    var context = SslContextBuilder.forClient().trustManager(new File(TLS, "cert.pem"));
    return builder.sslContext(GrpcSslContexts.configure(context, PROVIDER).build()).build();
  }

  /** The status code's number. */
  private static int call(ManagedChannel channel, String service, String id) throws Exception {
    var status = new CompletableFuture<Integer>();
    var type = typeOf(service);
    var observer = new StreamObserver<byte[]>() {
      @Override
      public void onNext(byte[] message) { }

      @Override
      public void onError(Throwable error) {
        status.complete(Status.fromThrowable(error).getCode().value());
      }

      @Override
      public void onCompleted() {
        status.complete(0);
      }
    };
    var pending = channel.newCall(method("demo." + service + "/" + id, type), CallOptions.DEFAULT);
    switch (type) {
      case SERVER_STREAMING -> ClientCalls.asyncServerStreamingCall(pending, MESSAGE, observer);
      case CLIENT_STREAMING -> send(ClientCalls.asyncClientStreamingCall(pending, observer));
      case BIDI_STREAMING -> send(ClientCalls.asyncBidiStreamingCall(pending, observer));
      default -> ClientCalls.asyncUnaryCall(pending, MESSAGE, observer);
    }
    if (service.equals("Slow")) {
      TIMER.schedule(() -> pending.cancel("slow", null), 20, TimeUnit.MILLISECONDS);
    }
    return status.get();
  }

  private static void send(StreamObserver<byte[]> requests) {
    for (int i = 0; i < 3; i++) {
      requests.onNext(MESSAGE);
    }
    requests.onCompleted();
  }

  private static void run(String address) throws Exception {
    ManagedChannel channel = dial(address);
    var input = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = input.readLine()) != null;) {
      String[] words = line.split(" ");
      ExecutorService pool = Executors.newFixedThreadPool(Integer.parseInt(words[2]));
      List<Future<String>> made = new ArrayList<>();
      for (int i = 0; i < Integer.parseInt(words[1]); i++) {
        String service = words[3 + i % (words.length - 3)];
        String id = words[0] + "-" + i;
        made.add(pool.submit(() -> service + " " + id + " " + call(channel, service, id)));
      }
      for (Future<String> one : made) {
        System.out.println(one.get());
      }
      pool.shutdown();
      System.out.println();
    }
    System.exit(0);
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("server")) {
      serve();
    } else {
      run(arguments[1]);
    }
  }
}
