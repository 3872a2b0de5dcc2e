// Asks for URLs, one after another on one connection, by an OpenSSL that it contains; in clear text for http://.
use openssl::ssl::{SslConnector, SslMethod};
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

fn ask<S: Read + Write>(stream: S, host: &str, paths: &[String]) {
    let mut stream = BufReader::new(stream);
    for path in paths {
        write!(stream.get_mut(), "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        stream.read_exact(&mut vec![0; length]).unwrap();
    }
}

fn main() {
    let urls: Vec<String> = env::args().skip(1).collect();
    let (scheme, rest) = urls[0].split_once("://").unwrap();
    let host = rest.split('/').next().unwrap();
    let from = scheme.len() + 3 + host.len();
    let paths: Vec<String> = urls.iter().map(|url| url[from..].to_string()).collect();
    let socket = TcpStream::connect(host).unwrap();
    if scheme == "http" {
        return ask(socket, host, &paths);
    }
    let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
    connector.set_ca_file(env::var("SSL_CERT_FILE").unwrap()).unwrap();
    let name = host.split(':').next().unwrap();
    ask(connector.build().connect(name, socket).unwrap(), host, &paths);
}
