package demo;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.File;
import java.net.URI;
import java.util.concurrent.CompletableFuture;

/** HTTP/1.1 of Netty, by the BoringSSL of netty-tcnative or in clear text: `server PORT [DIRECTORY]`, with cert.pem and key.pem
 * there; `client DIRECTORY URL...` asks on one connection, when a line has come on its input. */
public final class Https {
  private static final byte[] HELLO = "hello".getBytes();

  private static ChannelInitializer<SocketChannel> server(SslContext tls) {
    return new ChannelInitializer<>() {
      @Override
      protected void initChannel(SocketChannel channel) {
        if (tls != null) {
          channel.pipeline().addLast(tls.newHandler(channel.alloc()));
        }
        channel.pipeline().addLast(new HttpServerCodec(), new HttpObjectAggregator(1 << 20), new Answers());
      }
    };
  }

  private static final class Answers extends SimpleChannelInboundHandler<FullHttpRequest> {
    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
      var body = Unpooled.wrappedBuffer(HELLO);
      var response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, body);
      response.headers().set(HttpHeaderNames.CONTENT_LENGTH, HELLO.length);
      context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE_ON_FAILURE);
    }
  }

  private static final class Client extends SimpleChannelInboundHandler<FullHttpResponse> {
    private volatile CompletableFuture<Integer> answer;

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpResponse response) {
      answer.complete(response.status().code());
    }

    private int ask(Channel channel, URI url) throws Exception {
      answer = new CompletableFuture<>();
      var request = new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, url.getPath());
      request.headers().set(HttpHeaderNames.HOST, url.getAuthority());
      channel.writeAndFlush(request).sync();
      return answer.get();
    }
  }

  private static void serve(int port, String directory) throws Exception {
    SslContext tls = directory == null ? null
        : SslContextBuilder.forServer(new File(directory, "cert.pem"), new File(directory, "key.pem"))
            .sslProvider(SslProvider.OPENSSL).build();
    var bootstrap = new ServerBootstrap().group(new NioEventLoopGroup(1)).channel(NioServerSocketChannel.class);
    bootstrap.childHandler(server(tls)).bind("127.0.0.1", port).sync().channel().closeFuture().sync();
  }

  private static void ask(String directory, String[] urls) throws Exception {
    OpenSsl.ensureAvailability();
    System.out.println("ready");
    System.in.read();
    URI first = URI.create(urls[0]);
    SslContext tls = SslContextBuilder.forClient().trustManager(new File(directory, "cert.pem"))
        .sslProvider(SslProvider.OPENSSL).build();
    var client = new Client();
    var bootstrap = new Bootstrap().group(new NioEventLoopGroup(1)).channel(NioSocketChannel.class);
    bootstrap.handler(new ChannelInitializer<SocketChannel>() {
      @Override
      protected void initChannel(SocketChannel channel) {
        if (first.getScheme().equals("https")) {
          channel.pipeline().addLast(tls.newHandler(channel.alloc(), first.getHost(), first.getPort()));
        }
        channel.pipeline().addLast(new HttpClientCodec(), new HttpObjectAggregator(1 << 20), client);
      }
    });
    Channel channel = bootstrap.connect(first.getHost(), first.getPort()).sync().channel();
    for (String url : urls) {
      int status = client.ask(channel, URI.create(url));
      if (status != 200) {
        throw new IllegalStateException(url + ": " + status);
      }
    }
    channel.close().sync();
    System.exit(0);
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("server")) {
      serve(Integer.parseInt(arguments[1]), arguments.length > 2 ? arguments[2] : null);
    } else {
      ask(arguments[1], java.util.Arrays.copyOfRange(arguments, 2, arguments.length));
    }
  }
}
