"""Files that a request brings or names: data URIs, and addresses of hosts that are allowed"""
